package cause

import (
	"slices"
	"strings"
	"testing"
)

// points lists, step by step, what the tree must say whatever words it uses: the document it was first set out in
// asks for each of them. A point is found when one entry of the section has all its terms.
var points = []struct {
	step                             Step
	tests, expected, actions, errors []string
	causes                           []ID
}{
	{
		step:     Connect,
		tests:    []string{"TCP connection|host|port"},
		expected: []string{"25|MX|relay|587|submission"},
		causes:   []ID{FirewallBlocksSMTP, ISPBlocksPort25, DNSNameNotFound, DNSWrongAnswer, DNSResolverFailing, RoutingOrNAT},
		actions:  []string{"firewall rules", "device's own VLAN|workstation|same network", "TCP connection by script"},
	},
	{
		step:     Banner,
		tests:    []string{"connection|wait|220"},
		expected: []string{"220 <server> Microsoft ESMTP MAIL Service ready"},
		causes:   []ID{MiddleboxTerminates, TLSInspection, SMTPBlockedUpstream},
		actions:  []string{"IDS/IPS|SSL inspection|SMTP", "clean network segment"},
	},
	{
		step:     EHLO,
		tests:    []string{"EHLO|name"},
		expected: []string{"250-|250 and a blank"},
		causes:   []ID{HELOOnlyClient, SMTPProxyAlters, TLSRequiredFirst},
		actions:  []string{"device supports EHLO", "no SMTP proxy or content filter"},
	},
	{
		step:     StartTLSOffer,
		tests:    []string{"250-STARTTLS|EHLO"},
		expected: []string{"STARTTLS"},
		causes:   []ID{WrongEndpoint, StartTLSStripped, StartTLSNotSupported},
		actions:  []string{"right host|sign-in|MX", "TLS inspection", "by hand"},
	},
	{
		step:     StartTLS,
		tests:    []string{"Send STARTTLS", "TLS handshake", "EHLO again"},
		expected: []string{"220 Ready to start TLS", "TLS session", "second EHLO"},
		causes:   []ID{TLSVersionMismatch, TLSCipherMismatch, PathMTUBlackhole},
		actions:  []string{"TLS 1.2", "path MTU", "bypass IDS/IPS"},
	},
	{
		step:     Auth,
		tests:    []string{"AUTH|sign in"},
		expected: []string{"235"},
		actions:  []string{"SmtpClientAuthenticationDisabled"},
	},
	{
		step:     Mail,
		tests:    []string{"MAIL FROM"},
		expected: []string{"250 2.1.0 Sender OK"},
		causes:   []ID{SenderDomainNotAccepted, ConnectorMisconfigured, AuthRequired},
		actions:  []string{"accepted domain", "connector's direction|scope", "sign in (SMTP AUTH)|relay"},
	},
	{
		step:     Rcpt,
		tests:    []string{"RCPT TO"},
		expected: []string{"250 2.1.5 Recipient OK"},
		causes:   []ID{IPBlocklisted, ConnectorRestriction, ExternalRecipientBlocked},
		errors:   []string{"550 5.7.1|Client host|blocked using Spamhaus"},
		actions:  []string{"reputation of the public address", "submission|587", "delisting"},
	},
	{
		step:     Data,
		tests:    []string{"DATA|small test message"},
		expected: []string{"354 Start mail input", "250 2.0.0|delivery"},
		causes:   []ID{ContentFiltered, MessageTooLarge, PolicyEnforced},
		actions:  []string{"smaller attachment", "transport|rules", "message trace"},
	},
}

func TestTreeSaysEveryPoint(t *testing.T) {
	for _, p := range points {
		n, _ := NodeOf(p.step)
		sections := []struct {
			name  string
			lines []string
			want  []string
		}{
			{"tests", n.Tests, p.tests},
			{"expected", n.Expected, p.expected},
			{"actions", n.Actions, p.actions},
			{"common errors", n.CommonErrors, p.errors},
		}
		for _, s := range sections {
			for _, terms := range s.want {
				if !says(s.lines, terms) {
					t.Errorf("%s: %s do not say %q:\n%s", p.step, s.name, terms, strings.Join(s.lines, "\n"))
				}
			}
		}
		for _, id := range p.causes {
			c, _ := Find(id)
			if !c.Doc || c.Step != p.step && !slices.Contains(n.Also, id) {
				t.Errorf("%s: %s is missing, or not marked as one of the document's", p.step, id)
			}
		}
	}
}

func TestAdviceSaysEveryPoint(t *testing.T) {
	patternPoints := map[PatternID]struct{ title, meaning []string }{
		RecipientFailsAfterTLS:         {[]string{"STARTTLS works|MAIL FROM works|RCPT TO fails"}, []string{"reputation", "connector test|reputation"}},
		SubmissionWorksMXFails:         {[]string{"submission works|MX fails"}, []string{"port 25|reputation", "expected"}},
		ConnectorTestPassesDeviceFails: {[]string{"connector test passes|device fails"}, []string{"no SMTP conversation", "device|TLS|network path"}},
	}
	for id, want := range patternPoints {
		p, _ := FindPattern(id)
		for _, terms := range want.title {
			if !says([]string{p.Title}, terms) {
				t.Errorf("%s: title %q does not say %q", id, p.Title, terms)
			}
		}
		for _, terms := range want.meaning {
			if !says(p.Meaning, terms) {
				t.Errorf("%s: does not say %q", id, terms)
			}
		}
	}
	advicePoints := map[AdviceID]string{
		ReliabilityFirst:   "reliability|submission|587",
		NoCredentials:      "no credentials|static|reputation|clean",
		TLSIsNotAcceptance: "STARTTLS|not|delivery",
		OnlyRecipientProof: "RCPT TO|acceptance",
	}
	for id, terms := range advicePoints {
		a, _ := FindAdvice(id)
		if !says([]string{a.When + " " + a.Text}, terms) {
			t.Errorf("%s: %q does not say %q", id, a.Text, terms)
		}
	}
	var collected []string
	for _, a := range Artifacts() {
		collected = append(collected, a.What)
	}
	for _, terms := range []string{"whole SMTP transcript", "public source address", "codes|RCPT TO", "message trace|applies", "MTU tests"} {
		if !says(collected, terms) {
			t.Errorf("artifacts do not say %q", terms)
		}
	}
}

// says reports whether one of lines has every term of terms, which are separated by bars; case does not count.
func says(lines []string, terms string) bool {
	return slices.ContainsFunc(lines, func(line string) bool {
		for term := range strings.SplitSeq(terms, "|") {
			if !strings.Contains(strings.ToLower(line), strings.ToLower(term)) {
				return false
			}
		}
		return true
	})
}

// TestEveryFormatSaysEverything reads each format as a person would, without its markup and line breaks.
func TestEveryFormatSaysEverything(t *testing.T) {
	var want []string
	for _, n := range Nodes() {
		want = slices.Concat(want, []string{n.Title}, n.Tests, n.Expected, n.Actions, n.CommonErrors)
		for _, c := range n.Causes() {
			want = append(want, string(c.ID))
		}
	}
	for _, c := range Outcomes() {
		want = append(want, string(c.ID), c.Meaning)
	}
	for _, p := range Patterns() {
		want = slices.Concat(want, []string{p.Title}, p.Meaning)
	}
	for _, a := range Guidance() {
		want = append(want, a.When, a.Text)
	}
	for _, a := range Artifacts() {
		want = append(want, a.What, a.How)
	}
	for _, f := range treeFormats {
		got := bare(f.print())
		for _, w := range want {
			if !strings.Contains(got, bare(w)) {
				t.Errorf("%s does not say %q", f.name, w)
			}
		}
	}
}

// bare is s without the markup of the formats: letters, digits and what holds words together.
func bare(s string) string {
	s = strings.NewReplacer("<br/>", " ", `\l`, " ", `\`, "", "#lt;", "<", "#gt;", ">", "#quot;", `"`, "#amp;", "&", "#96;", "`", "#35;", "#").Replace(s)
	return strings.Join(strings.FieldsFunc(s, func(r rune) bool { return strings.ContainsRune("|*<>`\"\n\t ", r) }), " ")
}
