package cli

import (
	"cmp"
	"fmt"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/smtptriage/smtptriage/internal/evidence"
	"github.com/smtptriage/smtptriage/internal/provider"
)

// listDevices as a kind of device asks for the list of them.
const listDevices = "list"

func (o *checkOptions) addLikeFlag(cmd *cobra.Command) {
	cmd.Flags().StringVar(&o.like, "like", "", "walk as this kind of `DEVICE` would: "+strings.Join(deviceNames(), ", ")+"; "+listDevices+
		" says what each does; flags given beside it win")
	// The error is only for a flag that does not exist.
	_ = cmd.RegisterFlagCompletionFunc("like", cobra.FixedCompletions(deviceNames(), cobra.ShellCompDirectiveNoFileComp))
}

func deviceNames() []string {
	var names []string
	for _, d := range provider.Devices() {
		names = append(names, d.Name)
	}
	return names
}

// checkLike finds the kind of device, and has the flags that were not given say what it would do.
func (o *checkOptions) checkLike() error {
	if o.like == "" {
		return nil
	}
	d, ok := provider.FindDevice(o.like)
	if !ok {
		return fmt.Errorf("--like: no kind of device named %q%s; there are %s", o.like, didYouMean(o.like, deviceNames()), strings.Join(deviceNames(), ", "))
	}
	o.device = d
	if !o.wrote("helo") && d.HELO {
		if o.user != "" {
			return fmt.Errorf("--like %s and --user contradict each other: such a device says HELO, which tells of no sign-in", d.Name)
		}
		o.helo = true
	}
	if !o.wrote("tls") {
		o.tls = d.TLS
	}
	if o.tls == string(evidence.NoTLS) { // with TLS left out, its limits say nothing
		o.device.SmallHello, o.device.RSAOnly = false, false
	} else {
		if !o.wrote("no-sni") {
			o.noSNI = d.NoSNI
		}
		if !o.wrote("tls-max") {
			o.tlsMax = d.TLSMax
		}
		if !o.wrote("tls-max") && d.TLSMax != "" && o.tlsMin > d.TLSMax {
			return fmt.Errorf("--tls-min %s and --like %s contradict each other: such a device speaks TLS %s at most", o.tlsMin, d.Name, d.TLSMax)
		}
		if d.RSAOnly && o.tlsMin == "1.3" {
			return fmt.Errorf("--tls-min 1.3 and --like %s contradict each other: TLS 1.3 has no RSA key exchange", d.Name)
		}
	}
	if !o.wrote("timeout") {
		o.timeout = d.Patience
	}
	return nil
}

// wrote reports whether the user gave a flag, on the command line or in the environment.
func (o *checkOptions) wrote(flag string) bool { return o.given != nil && o.given(flag) }

// mechanism is the one that the device would sign in with; "" is for the best that is offered.
func (o *checkOptions) mechanism() string {
	if o.tokenFile != "" {
		return ""
	}
	return o.device.Mechanism
}

// listDevices prints the kinds of device, and what each does.
func (a *app) listDevices() error {
	w := tabwriter.NewWriter(a.out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "NAME\tTLS\tSNI\tGREETS\tSIGNS IN\tGIVES UP\tWHAT IT IS")
	for _, d := range provider.Devices() {
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\t%s\n", d.Name, deviceTLS(d), yesNo(!d.NoSNI && d.TLS != string(evidence.NoTLS)), deviceGreets(d),
			cmp.Or(d.Mechanism, "-"), devicePatience(d.Patience), d.Title)
	}
	return w.Flush()
}

func deviceTLS(d provider.Device) string {
	var parts []string
	for _, p := range []string{d.TLS, d.TLSMax} {
		if p != "" {
			parts = append(parts, p)
		}
	}
	if d.RSAOnly {
		parts = append(parts, "RSA")
	}
	return strings.Join(parts, " ")
}

func deviceGreets(d provider.Device) string {
	if d.HELO {
		return "HELO"
	}
	return "EHLO"
}

func devicePatience(p time.Duration) string {
	if p == 0 {
		return "-"
	}
	return fmt.Sprintf("%.0fs", p.Seconds())
}

func yesNo(b bool) string {
	if b {
		return "yes"
	}
	return "no"
}
