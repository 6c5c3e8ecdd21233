package cli

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/smtptriage/smtptriage/internal/cause"
	"github.com/smtptriage/smtptriage/internal/lab"
	"github.com/smtptriage/smtptriage/internal/listen"
)

// listenOptions are the flags of listen as they were written.
type listenOptions struct {
	as          string
	ports       []string
	bind        string
	accept      bool
	reject      string
	forward     string
	passthrough bool
	certificate string
	keep        string
	maxSize     int64
	anywhere    bool
	perAddress  int
	once        bool
	output      output

	parsed []listen.Port
	to     endpoint  // of --forward
	fault  *lab.Case // of --reject
}

func (a *app) listenCommand() *cobra.Command {
	var o listenOptions
	cmd := &cobra.Command{
		Use:   "listen [flags]",
		Short: "Be the mail server that a device is pointed at, and see what it really says",
		Long: "Take the place of the mail server for a minute: point the scanner or program at this machine, let it send, and read what it " +
			"can do and what it does wrong. Mail is looked at and dropped; nothing is passed on. Any user name and password is taken, and " +
			"no password is ever shown or saved.\n\n" +
			"Exit status: that of the last conversation, as in check; 3 if nobody connected.",
		Example: examples(
			"smtptriage listen", "stand in for Microsoft 365 on ports 25, 465 and 587",
			"smtptriage listen --port 2525,2465/tls", "on ports that need no rights; /tls is TLS from the first byte",
			"smtptriage listen --once --format json", "one conversation, for a script",
			"smtptriage listen --certificate expired", "does the device look at certificates?",
			"smtptriage listen --forward smtp.office365.com:587", "between device and server: who really says what",
			"smtptriage listen --reject auth-bad-password", "what does the device show for this fault?",
			"smtptriage listen ca", "the certificate authority, to import into the device"),
		Args: noSuchCommand,
		RunE: func(cmd *cobra.Command, _ []string) error { return a.listen(cmd.Context(), &o) },
	}
	o.addFlags(cmd)
	cmd.AddCommand(a.listenCACommand())
	return cmd
}

func (o *listenOptions) addFlags(cmd *cobra.Command) {
	f := cmd.Flags()
	f.SortFlags = false
	f.StringVar(&o.as, "as", string(listen.Microsoft365), "whose manners to have: "+oneOf(listen.Personalities))
	f.StringSliceVar(&o.ports, "port", nil, "`PORTS` to listen on; 465, and any with /tls after it, speaks TLS from the first byte; 25, and any with /relay after it, takes mail without sign-in (default: 25,465,587; with --forward that of the server)")
	f.StringVar(&o.bind, "bind", "", "listen on this local `ADDRESS` alone (default: all)")
	f.BoolVar(&o.accept, "accept", false, "take mail without TLS and sign-in, whatever the server stood in for would ask for")
	f.StringVar(&o.reject, "reject", "", "misbehave as this `CASE` of the lab, to see what the device shows for it; smtptriage lab list has them")
	f.StringVar(&o.forward, "forward", "", "pass every conversation on to this server, `HOST:PORT`, and record both sides; mail is really sent")
	f.BoolVar(&o.passthrough, "passthrough", false, "with --forward: leave TLS alone, and see hellos and sizes only")
	f.StringVar(&o.certificate, "certificate", string(listen.CertificateGood), "certificate to show: "+oneOf(listen.CertificateKinds))
	f.StringVar(&o.keep, "keep", "", "keep the messages in this `FOLDER` (default: they are dropped)")
	f.Int64Var(&o.maxSize, "max-size", 0, "largest message to take, in `BYTES` (default: as the server stood in for)")
	f.BoolVar(&o.anywhere, "from-anywhere", false, "take connections from public addresses too")
	f.IntVar(&o.perAddress, "per-address", 200, "most connections at once from one address")
	f.BoolVar(&o.once, "once", false, "end after the first conversation")
	f.StringVar(&o.output.evidence, "evidence", "", "save everything that was seen in this `FILE`")
	formatFlag(cmd, &o.output.format, []string{"text", "json"})
	f.StringVarP(&o.output.file, "output", "o", "", "write the reports to this `FILE`; - is standard output")
}

// check looks at the flags before any port is opened.
func (o *listenOptions) check() (err error) {
	switch {
	case !slices.Contains(listen.Personalities, listen.Personality(o.as)):
		return fmt.Errorf("--as %q: use %s", o.as, oneOf(listen.Personalities))
	case !slices.Contains(listen.CertificateKinds, listen.CertificateKind(o.certificate)):
		return fmt.Errorf("--certificate %q: use %s", o.certificate, oneOf(listen.CertificateKinds))
	case o.output.format != "text" && o.output.format != "json":
		return fmt.Errorf("--format %q: use text or json", o.output.format)
	case o.perAddress < 1:
		return fmt.Errorf("--per-address %d: use 1 or more", o.perAddress)
	case o.maxSize < 0:
		return fmt.Errorf("--max-size %d: use a number of bytes above zero", o.maxSize)
	case o.bind != "" && net.ParseIP(o.bind) == nil:
		return fmt.Errorf("--bind %q: write an IP address of this machine", o.bind)
	}
	if err := o.checkManner(); err != nil {
		return err
	}
	if len(o.ports) == 0 {
		o.ports = o.defaultPorts()
	}
	if o.parsed, err = parsePorts(o.ports); err != nil {
		return err
	}
	if err := o.checkKeep(); err != nil {
		return err
	}
	return o.output.open()
}

// checkKeep looks whether messages can be kept, before the first comes.
func (o *listenOptions) checkKeep() error {
	if o.keep == "" {
		return nil
	}
	if info, err := os.Stat(o.keep); err != nil || !info.IsDir() {
		return fmt.Errorf("--keep %q: no such folder; make it first", o.keep)
	}
	f, err := os.CreateTemp(o.keep, ".smtptriage-*")
	if err != nil {
		return fmt.Errorf("--keep %q: nothing can be written there: %w", o.keep, err)
	}
	f.Close()
	return os.Remove(f.Name())
}

// checkManner looks at the flags that say who answers.
func (o *listenOptions) checkManner() (err error) {
	switch {
	case o.forward != "" && o.reject != "":
		return errors.New("--forward and --reject exclude each other: give one of them")
	case o.accept && (o.forward != "" || o.reject != ""):
		return errors.New("--accept says how this server answers; with --forward and --reject another does")
	case o.passthrough && o.forward == "":
		return errors.New("--passthrough needs --forward HOST:PORT")
	}
	if o.reject != "" {
		c, err := findCase(o.reject)
		if err != nil {
			return fmt.Errorf("--reject: %w", err)
		}
		if wanted, ok := cause.Find(c.Want.Cause); ok && wanted.Step == cause.Connect {
			return fmt.Errorf("--reject: %s goes wrong before a server is reached, which no server can show; smtptriage lab try %s runs check in it", c.Name, c.Name)
		}
		o.fault = &c
	}
	if o.forward == "" {
		return nil
	}
	if o.to, err = parseTarget(o.forward); err != nil {
		return fmt.Errorf("--forward: %w", err)
	}
	if o.to.address != "" || !strings.Contains(o.forward, ":") {
		return fmt.Errorf("--forward %q: write HOST:PORT, such as smtp.office365.com:587", o.forward)
	}
	if o.to.port == 0 {
		o.to.port = portSubmission
	}
	return nil
}

// server makes the server that the flags ask for.
func (o *listenOptions) server(authority *listen.Authority) (*listen.Server, error) {
	srv := &listen.Server{As: listen.Personality(o.as), Accept: o.accept, MaxSize: o.maxSize, Authority: authority,
		Certificate: listen.CertificateKind(o.certificate), Keep: o.keep, Anywhere: o.anywhere, Tool: tool(),
		Limits: listen.Limits{PerAddress: o.perAddress}}
	if o.forward != "" {
		srv.Forward = &listen.Forward{Host: o.to.host, Port: o.to.port, Passthrough: o.passthrough}
	}
	if o.fault != nil {
		faulty, err := lab.NewServer(*o.fault)
		if err != nil {
			return nil, err
		}
		srv.Answer = faulty.ServeConn
	}
	return srv, nil
}

func (o *listenOptions) defaultPorts() []string {
	if o.forward != "" {
		return []string{strconv.Itoa(o.to.port)}
	}
	return []string{"25", "465", "587"}
}

// parsePorts reads "25", "465", "2465/tls" and "2025/relay". Port 0 is a free one.
func parsePorts(words []string) ([]listen.Port, error) {
	var ports []listen.Port
	for _, w := range words {
		text, implicit := strings.CutSuffix(strings.TrimSpace(w), "/tls")
		text, relay := strings.CutSuffix(text, "/relay")
		n, err := strconv.Atoi(text)
		if err != nil || n < 0 || n > 65535 {
			return nil, fmt.Errorf("--port %q: use numbers from 1 to 65535 with commas between them, such as 2525,2465/tls", w)
		}
		p := listen.Port{Number: n, Implicit: implicit || n == portSubmissions, Relay: relay}
		if slices.ContainsFunc(ports, func(q listen.Port) bool { return n != 0 && q.Number == n }) {
			return nil, fmt.Errorf("--port names %d twice", n)
		}
		ports = append(ports, p)
	}
	return ports, nil
}

// listen opens the ports, says what to type into the device, and serves until it is interrupted.
func (a *app) listen(ctx context.Context, o *listenOptions) error {
	if err := o.check(); err != nil {
		return err
	}
	authority, err := openAuthority()
	if err != nil {
		return cannotRun{err}
	}
	listeners, err := openPorts(ctx, o)
	if err != nil {
		return cannotRun{err}
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	srv, err := o.server(authority)
	if err != nil {
		return cannotRun{err}
	}
	view := a.newListenView(srv, o, cancel)
	srv.Away, srv.Watch, srv.Done = view.turnedAway, view.observe, view.done
	view.begin(listeners)
	go view.keys(a.in)
	err = serveAll(ctx, srv, listeners, o.parsed)
	a.status = view.end()
	if err != nil {
		return cannotRun{err}
	}
	return view.failure()
}

// serveAll serves every port until ctx ends, or one of them fails.
func serveAll(ctx context.Context, srv *listen.Server, listeners []net.Listener, ports []listen.Port) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	errs := make(chan error, len(listeners))
	for i, ln := range listeners {
		go func() {
			defer cancel()
			errs <- srv.Serve(ctx, ln, ports[i])
		}()
	}
	var first error
	for range listeners {
		if err := <-errs; first == nil {
			first = err
		}
	}
	return first
}

func openAuthority() (*listen.Authority, error) {
	dir, err := listen.AuthorityDir()
	if err != nil {
		return nil, err
	}
	return listen.OpenAuthority(dir)
}

// openPorts opens all ports or none.
func openPorts(ctx context.Context, o *listenOptions) ([]net.Listener, error) {
	var open []net.Listener
	for i, p := range o.parsed {
		ln, err := new(net.ListenConfig).Listen(ctx, "tcp", net.JoinHostPort(o.bind, strconv.Itoa(p.Number)))
		if err != nil {
			for _, ln := range open {
				ln.Close()
			}
			return nil, portError(p.Number, err)
		}
		open = append(open, ln)
		o.parsed[i].Number = ln.Addr().(*net.TCPAddr).Port
	}
	return open, nil
}

// manners are what a port that stands in for a well-known one needs after its number, to behave as that.
var manners = map[int]string{portRelay: "/relay", portSubmissions: "/tls"}

// portError says what to do about a port that cannot be had.
func portError(port int, err error) error {
	program, exeErr := os.Executable()
	if exeErr != nil {
		program = "/path/to/smtptriage"
	}
	switch {
	case errors.Is(err, fs.ErrPermission) && port < 1024:
		return fmt.Errorf("port %d needs rights that this user does not have; one of these helps: "+
			"(1) sudo setcap cap_net_bind_service=+ep %s, once; (2) other ports, --port 2525,2465/tls, if the device can be set to them; "+
			"(3) lead the port on: sudo nft add table ip smtptriage; sudo nft 'add chain ip smtptriage in { type nat hook prerouting priority -100 ; }'; "+
			"sudo nft add rule ip smtptriage in tcp dport %d redirect to :%d, and listen on --port %d%s", port, program, port, 2000+port, 2000+port, manners[port])
	case errors.Is(err, syscall.EADDRINUSE) || strings.Contains(err.Error(), "Only one usage of each socket address"):
		return fmt.Errorf("port %d is taken by another program, such as a mail server on this machine: stop that, or choose other ports with --port", port)
	}
	return fmt.Errorf("opening port %d: %w", port, err)
}

func (a *app) listenCACommand() *cobra.Command {
	var der string
	cmd := &cobra.Command{
		Use:   "ca",
		Short: "Print the certificate authority of listen, for import into a device",
		Long: "Print the certificate of the authority that issues what listen shows, as PEM. It is made at the first use and kept in your " +
			"configuration folder. Take it out of the device again when you are done: whoever has its key can play any server to that device.",
		Example: examples("smtptriage listen ca > smtptriage-ca.pem", "as PEM",
			"smtptriage listen ca --der smtptriage-ca.cer", "as DER, which many devices want"),
		Args: noArguments,
		RunE: func(*cobra.Command, []string) error {
			authority, err := openAuthority()
			if err != nil {
				return cannotRun{err}
			}
			if der != "" {
				if err := os.WriteFile(der, authority.DER(), 0o644); err != nil {
					return cannotRun{fmt.Errorf("--der: %w", err)}
				}
				return nil
			}
			_, err = a.out.Write(authority.PEM())
			return err
		},
	}
	cmd.Flags().StringVar(&der, "der", "", "write the certificate to this `FILE` as DER, and print nothing")
	return cmd
}
