package diagnose

import (
	"testing"

	"github.com/smtptriage/smtptriage/internal/evidence"
	"github.com/smtptriage/smtptriage/internal/tlswire"
)

func TestPathMTU(t *testing.T) {
	answered := func(size int) evidence.Trace {
		return evidence.Trace{ID: "e1.1", Role: evidence.RoleExperiment, Events: []evidence.Event{
			{ClientHello: &tlswire.ClientHello{Size: size}}, {ServerHello: &tlswire.ServerHello{}}}}
	}
	for _, tt := range []struct {
		name  string
		trace evidence.Trace
		want  *PathMTU
	}{
		{"nothing measured", evidence.Trace{ID: "e1.1"}, nil},
		{"the kernel's assumption is no measurement", evidence.Trace{ID: "e1.1", Events: []evidence.Event{{TCP: &evidence.TCPInfo{PMTU: 1500, SndMSS: 1448, BytesAcked: 300}}}}, nil},
		{"probes", evidence.Trace{ID: "e1.1", Events: []evidence.Event{{Size: &evidence.SizeProbe{Bytes: 1300, Answered: true}}, {Size: &evidence.SizeProbe{Bytes: 1400}}}},
			&PathMTU{ToServer: 1300, Method: "packets that must not be fragmented"}},
		{"a hello that was answered", answered(1300), &PathMTU{ToServer: 1352, Method: "a ClientHello that was answered"}},
		{"full segments came", evidence.Trace{ID: "e1.1", Events: []evidence.Event{{TCP: &evidence.TCPInfo{RcvMSS: 1348, BytesRecv: 5000}}}}, &PathMTU{FromServer: 1400}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			rec := record(plain, tt.trace)
			rec.Runs = []evidence.Run{{Experiment: evidence.Experiment{Name: askHelloSizes}, Traces: []string{"e1.1"}}}
			got := pathMTU(rec, Path{})
			if (got == nil) != (tt.want == nil) || got != nil && *got != *tt.want {
				t.Errorf("got %+v, want %+v", got, tt.want)
			}
		})
	}
}
