package packets_test

import (
	"bytes"
	"crypto/tls"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/smtptriage/smtptriage/internal/capture/craft"
	"github.com/smtptriage/smtptriage/internal/capture/packets"
	"github.com/smtptriage/smtptriage/internal/capture/tlsopen"
)

func TestKeyLog(t *testing.T) {
	cert := certificate(t)
	rsa := &tls.Config{Certificates: []tls.Certificate{cert}}
	lines := []string{"EHLO printer", "250-mx.example.com\r\n250 AUTH LOGIN", "AUTH LOGIN", "334 VXNlcm5hbWU6", "c2VjcmV0", "535 5.7.139 disabled",
		"MAIL FROM:<a@example.com>", "530 5.7.57 sign in first", "QUIT", "221 bye"}
	for _, tt := range []struct {
		name     string
		client   *tls.Config
		implicit bool
	}{
		{"TLS 1.3", &tls.Config{}, false},
		{"TLS 1.3 from the first octet", &tls.Config{}, true},
		{"TLS 1.2, AES-128", &tls.Config{MaxVersion: tls.VersionTLS12, CipherSuites: []uint16{tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256}}, false},
		{"TLS 1.2, AES-256", &tls.Config{MaxVersion: tls.VersionTLS12, CipherSuites: []uint16{tls.TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384}}, false},
		{"TLS 1.2, ChaCha20", &tls.Config{MaxVersion: tls.VersionTLS12, CipherSuites: []uint16{tls.TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256}}, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var secrets bytes.Buffer
			tt.client.InsecureSkipVerify, tt.client.KeyLogWriter = true, &secrets
			dialogue := lines
			if tt.implicit {
				dialogue = slices.Concat([]string{"220 mx.example.com ESMTP"}, lines)
			}
			log := session(t, tt.client, rsa, tt.implicit, dialogue...)
			var file bytes.Buffer
			c := craft.NewConn(craft.NewWriter(&file, craft.Ethernet), client, server25)
			if tt.implicit {
				c.Open()
			} else {
				startTLS(c)
			}
			play(c, log)
			c.Close(craft.FromClient)
			var keys tlsopen.KeyLog
			keys.Add(secrets.Bytes())
			got, _ := read(t, file.Bytes(), packets.Options{Keys: &keys})
			if len(got) != 1 {
				t.Fatalf("got %d conversations, want 1", len(got))
			}
			tr := got[0].Trace
			all := strings.Join(script(tr), "\n")
			for _, want := range []string{"C: EHLO printer\nS: 250 mx.example.com AUTH LOGIN", "C: AUTH LOGIN", "C: [masked]\nS: 535 5.7.139 disabled", "S: 530 5.7.57 sign in first to MAIL"} {
				if !strings.Contains(all, want) {
					t.Errorf("%q is not in\n%s", want, all)
				}
			}
			if strings.Contains(fmt.Sprint(all), "c2VjcmV0") || !tr.Sees.Inside {
				t.Errorf("a secret is seen, or nothing inside: %+v\n%s", tr.Sees, all)
			}
			blind, _ := read(t, file.Bytes(), packets.Options{})
			if s := strings.Join(script(blind[0].Trace), "\n"); strings.Contains(s, "535") || blind[0].Trace.Sees.Inside {
				t.Errorf("without keys the inside is seen:\n%s", s)
			}
		})
	}
}

func FuzzKeyLog(f *testing.F) {
	f.Add([]byte("CLIENT_RANDOM " + strings.Repeat("ab", 32) + " " + strings.Repeat("cd", 48) + "\n# a comment\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		var keys tlsopen.KeyLog
		keys.Add(text)
		if keys.Len() > bytes.Count(text, []byte("\n"))+1 {
			t.Errorf("%d connections in %d lines", keys.Len(), bytes.Count(text, []byte("\n")))
		}
	})
}
