package report

import (
	"fmt"
	"strings"

	"github.com/smtptriage/smtptriage/internal/cause"
	"github.com/smtptriage/smtptriage/internal/diagnose"
)

// A Reader is whom a report is handed to. It picks the words at the top and the evidence that this reader will ask for.
type Reader string

const (
	ForAnyone    Reader = ""
	ForISP       Reader = "isp"
	ForFirewall  Reader = "firewall"
	ForMicrosoft Reader = "microsoft"
	ForClient    Reader = "client" // the customer, or whoever runs the device
)

// Readers are those that --for takes.
var Readers = []Reader{ForISP, ForFirewall, ForMicrosoft, ForClient}

// addressees are the words by which the texts of causes name a reader.
var addressees = map[Reader][]string{
	ForISP:       {"ISP", "hoster"},
	ForFirewall:  {"firewall"},
	ForMicrosoft: {"Microsoft"},
	ForClient:    {"device", "client", "administrator", "recipient", "software"},
}

// readerTitles are how a reader is addressed.
var readerTitles = map[Reader]string{
	ForISP: "For the ISP", ForFirewall: "For those who run the firewall", ForMicrosoft: "For Microsoft support", ForClient: "For those who run the device",
}

// letter is the paragraph that a reader is to have about a verdict. ok is false if the verdict is none of this reader's
// business; then the text says so, because a letter to the wrong addressee costs days.
func letter(d *diagnose.Diagnosis, r Reader) (text string, ok bool) {
	v := &d.Verdict
	for _, t := range cause.Read(v.Cause).Tell {
		for _, word := range addressees[r] {
			if !strings.Contains(t.To, word) {
				continue
			}
			if v.Confidence == diagnose.Possible {
				return "This is possible and not shown; what else it could be is listed below. " + t.Text, true
			}
			return t.Text, true
		}
	}
	if r == ForClient {
		return told(v) + " What to do is listed below.", true
	}
	return fmt.Sprintf("By what was measured, the cause (%s) is not theirs to mend. This report shows what was ruled out.", v.Cause), false
}
