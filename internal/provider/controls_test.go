package provider

import "testing"

func TestControls(t *testing.T) {
	for port, want := range map[int]int{25: 2, 587: 2, 465: 2, 2525: 0} {
		if got := Controls(port, "mx.example.com"); len(got) != want {
			t.Errorf("Controls(%d) = %v, want %d", port, got, want)
		}
	}
	for _, c := range Controls(587, "SMTP.office365.com.") {
		if c.Host == "smtp.office365.com" {
			t.Error("the host asked about is its own control")
		}
	}
}
