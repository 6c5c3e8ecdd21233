package devices_test

import (
	"context"
	"errors"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/smtptriage/smtptriage/internal/cause"
	"github.com/smtptriage/smtptriage/internal/diagnose"
	"github.com/smtptriage/smtptriage/internal/evidence"
	"github.com/smtptriage/smtptriage/internal/lab/realserver"
	"github.com/smtptriage/smtptriage/internal/lab/require"
	"github.com/smtptriage/smtptriage/internal/listen"
)

// A client is a real program that sends mail, and what must be said of it.
type client struct {
	name  string
	port  int // the port it believes to talk to
	args  string
	stdin string
	files map[string]string // made in its folder, with the marks filled in
	setUp func(t *testing.T, dir string)
	step  cause.Step
	cause cause.ID
}

// Marks in arguments and files: {host}, {port}, {ca} (a PEM file), {dir}, {password}. The password must turn up nowhere.
const password = "Marked-Pa55word!"

const swaks = "swaks --server {host} --port {port} --from a@contoso.com --to b@contoso.com --ehlo client.example.com "

const letter = "From: a@contoso.com\r\nTo: b@contoso.com\r\nDate: Fri, 20 Nov 2026 09:00:00 +0000\r\nSubject: test\r\n\r\none page\r\n"

var clients = []client{
	{name: "swaks, sign-in inside TLS", port: 587, args: swaks + "--tls --auth LOGIN --auth-user a@contoso.com --auth-password {password}", step: cause.None, cause: cause.Accepted},
	{name: "swaks, no TLS on 587", port: 587, args: swaks, step: cause.StartTLS, cause: cause.ClientTLSUnavailable},
	{name: "swaks, plain on 25", port: 25, args: swaks, step: cause.None, cause: cause.Accepted},
	{name: "swaks, HELO on 587", port: 587, args: swaks + "--protocol SMTP", step: cause.EHLO, cause: cause.HELOOnlyClient},
	{name: "swaks, TLS first on 587", port: 587, args: swaks + "--tls-on-connect", step: cause.StartTLS, cause: cause.ImplicitTLSOnStartTLSPort},
	{name: "swaks, TLS first on 465", port: 465, args: swaks + "--tls-on-connect --auth LOGIN --auth-user a@contoso.com --auth-password {password}", step: cause.None, cause: cause.Accepted},
	{name: "swaks, plain on 465", port: 465, args: swaks + "--timeout 2s", step: cause.Banner, cause: cause.ImplicitTLSExpected},
	{name: "swaks, no sign-in", port: 587, args: swaks + "--tls", step: cause.Mail, cause: cause.AuthRequired},
	{name: "swaks, quits after EHLO", port: 25, args: swaks + "--tls --quit-after EHLO", step: cause.None, cause: cause.AcceptedNotProven},
	{name: "swaks, odd name", port: 25, args: "swaks --server {host} --port {port} --from a@contoso.com --to b@contoso.com --ehlo SCAN_1", step: cause.EHLO, cause: cause.HELONameRejected},
	{name: "swaks, verifies, without the authority", port: 587, args: swaks + "--tls --tls-verify", step: cause.StartTLS, cause: cause.CertificateUntrusted},
	{name: "swaks, TLS 1.1 at the most", port: 587, args: swaks + "--tls --tls-protocol tlsv1_1 --tls-cipher ALL:@SECLEVEL=0", step: cause.StartTLS, cause: cause.TLSVersionMismatch},

	{name: "curl, sign-in", port: 587, args: "curl -sS --max-time 15 --url smtp://{host}:{port}/client.example.com --ssl-reqd --cacert {ca} --mail-from a@contoso.com --mail-rcpt b@contoso.com " +
		"--user a@contoso.com:{password} --upload-file {dir}/letter", files: map[string]string{"letter": letter}, step: cause.None, cause: cause.Accepted},
	{name: "curl, without the authority", port: 587, args: "curl -sS --max-time 15 --url smtp://{host}:{port} --ssl-reqd --mail-from a@contoso.com --mail-rcpt b@contoso.com --upload-file {dir}/letter",
		files: map[string]string{"letter": letter}, step: cause.StartTLS, cause: cause.CertificateUntrusted},
	{name: "curl as a browser", port: 587, args: "curl -sS --max-time 5 http://{host}:{port}/", step: cause.Banner, cause: cause.NotSMTP},

	{name: "openssl s_client, TLS 1.3", port: 25, args: "openssl s_client -connect {host}:{port} -starttls smtp -quiet -tls1_3", stdin: "EHLO client.example.com\r\nQUIT\r\n", step: cause.None, cause: cause.AcceptedNotProven},
	{name: "openssl s_client, TLS 1.2", port: 25, args: "openssl s_client -connect {host}:{port} -starttls smtp -quiet -tls1_2", stdin: "EHLO client.example.com\r\nQUIT\r\n", step: cause.None, cause: cause.AcceptedNotProven},
	{name: "openssl s_client, TLS 1.1", port: 587, args: "openssl s_client -connect {host}:{port} -starttls smtp -quiet -tls1_1 -cipher ALL:@SECLEVEL=0", stdin: "EHLO client.example.com\r\n", step: cause.StartTLS, cause: cause.TLSVersionMismatch},
	{name: "openssl s_client, TLS 1.0", port: 587, args: "openssl s_client -connect {host}:{port} -starttls smtp -quiet -tls1 -cipher ALL:@SECLEVEL=0", stdin: "EHLO client.example.com\r\n", step: cause.StartTLS, cause: cause.TLSVersionMismatch},

	{name: "msmtp", port: 587, args: "msmtp --file=/dev/null --host={host} --port={port} --tls=on --tls-starttls=on --tls-trust-file={ca} --auth=login --user=a@contoso.com " +
		"--passwordeval=cat\u00a0{dir}/password --from=a@contoso.com b@contoso.com", stdin: letter, files: map[string]string{"password": "{password}"}, step: cause.None, cause: cause.Accepted},
	{name: "msmtp, without the authority", port: 587, args: "msmtp --file=/dev/null --host={host} --port={port} --tls=on --tls-starttls=on --tls-trust-file={dir}/other.pem --from=a@contoso.com b@contoso.com",
		stdin: letter, setUp: otherAuthority, step: cause.StartTLS, cause: cause.CertificateUntrusted},

	{name: "Python smtplib", port: 587, args: "python3 {dir}/send.py", step: cause.None, cause: cause.Accepted, files: map[string]string{"send.py": `
import smtplib, ssl
s = smtplib.SMTP("{host}", {port}, timeout=10)
s.starttls(context=ssl.create_default_context(cafile="{ca}"))
s.login("a@contoso.com", "{password}")
s.sendmail("a@contoso.com", ["b@contoso.com"], """From: a@contoso.com\nTo: b@contoso.com\nDate: Fri, 20 Nov 2026 09:00:00 +0000\nSubject: x\n\nhello\n""")
s.quit()
`}},
	{name: "Python smtplib, SMTP_SSL on 587", port: 587, args: "python3 {dir}/send.py", step: cause.StartTLS, cause: cause.ImplicitTLSOnStartTLSPort, files: map[string]string{"send.py": `
import smtplib
smtplib.SMTP_SSL("{host}", {port}, timeout=5)
`}},
	{name: "nodemailer", port: 587, args: "node {dir}/send.js", setUp: installNodemailer, step: cause.None, cause: cause.Accepted, files: map[string]string{"send.js": `
const fs = require('fs');
const t = require('nodemailer').createTransport({host: '{host}', port: {port}, requireTLS: true, tls: {ca: [fs.readFileSync('{ca}')]},
  auth: {user: 'a@contoso.com', pass: '{password}', method: 'LOGIN'}});
t.sendMail({from: 'a@contoso.com', to: 'b@contoso.com', subject: 'x', text: 'hello', attachments: [{filename: 'scan.pdf', content: 'x'}]})
  .then(() => process.exit(0), e => { console.error(String(e)); process.exit(1); });
`}},
	{name: "nodemailer, secure on 587", port: 587, args: "node {dir}/send.js", setUp: installNodemailer, step: cause.StartTLS, cause: cause.ImplicitTLSOnStartTLSPort, files: map[string]string{"send.js": `
require('nodemailer').createTransport({host: '{host}', port: {port}, secure: true, greetingTimeout: 5000}).sendMail({from: 'a@contoso.com', to: 'b@contoso.com', text: 'x'}, () => process.exit(0));
`}},
	{name: "smtp-source of Postfix", port: 25, args: "smtp-source -f a@contoso.com -t b@contoso.com {host}:{port}", step: cause.None, cause: cause.Accepted},
	{name: "posttls-finger of Postfix", port: 25, args: "posttls-finger -c -l may [{host}]:{port}", setUp: postfixConfig, step: cause.None, cause: cause.AcceptedNotProven},
	{name: "Postfix as a sending server", port: 587, args: "sh {dir}/send.sh", setUp: postfixServer, files: postfixFiles("encrypt", "yes"), step: cause.None, cause: cause.Accepted},
	{name: "Postfix as a sending server, without TLS", port: 587, args: "sh {dir}/send.sh", setUp: postfixServer, files: postfixFiles("none", "no"), step: cause.StartTLS, cause: cause.ClientTLSUnavailable},
	{name: "Exim as a sending server", port: 587, args: "unshare -m sh {dir}/send.sh", setUp: eximServer, files: eximFiles("hosts_require_tls = *\n  hosts_require_auth = *"), step: cause.None, cause: cause.Accepted},
	{name: "Exim as a sending server, without TLS", port: 587, args: "unshare -m sh {dir}/send.sh", setUp: eximServer, files: eximFiles("hosts_avoid_tls = *"), step: cause.StartTLS, cause: cause.ClientTLSUnavailable},
}

// postfixFiles make a Postfix of the test's own that sends everything to the server.
func postfixFiles(tls, auth string) map[string]string {
	return map[string]string{
		"main.cf": `compatibility_level = 3.6
queue_directory = {dir}/queue
data_directory = {dir}/data
myhostname = client.example.com
mydestination =
relayhost = [{host}]:{port}
default_database_type = texthash
smtp_tls_security_level = ` + tls + `
smtp_sasl_auth_enable = ` + auth + `
smtp_sasl_password_maps = texthash:{dir}/password
smtp_sasl_tls_security_options = noanonymous
smtp_sasl_mechanism_filter = login, plain
smtp_dns_support_level = disabled
maillog_file = {dir}/log
maillog_file_prefixes = {dir}
`,
		"master.cf": realserver.PostfixServices + `pickup unix n - n 60 1 pickup
smtp unix - - n - - smtp
scache unix - - n - 1 scache
`,
		"password": "[{host}]:{port} a@contoso.com:{password}\n",
		"send.sh": `mkdir {dir}/queue {dir}/data && chown postfix {dir}/data && postfix -c {dir} start || exit
printf 'From: a@contoso.com\nTo: b@contoso.com\nSubject: x\n\nhello\n' | sendmail -C {dir} -f a@contoso.com b@contoso.com
for i in 1 2 3 4 5 6 7 8 9 10; do grep -q status= {dir}/log && break; sleep 1; done
postfix -c {dir} stop
cat {dir}/log
`,
	}
}

// postfixServer opens the folder to Postfix's own user.
func postfixServer(t *testing.T, dir string) {
	require.Program(t, "postfix")
	require.LinuxRoot(t) // it starts as root alone
	if err := os.Chmod(filepath.Dir(dir), 0o755); err != nil {
		t.Fatal(err)
	}
}

// eximFiles make an Exim of the test's own that sends everything to the server. Its program asks for a user that Debian's package makes,
// and which stands here in a list of users that only its own mount namespace sees.
func eximFiles(options string) map[string]string {
	return map[string]string{
		"exim.conf": `primary_hostname = client.example.com
spool_directory = {dir}/spool
log_file_path = {dir}/%slog
keep_environment =
deliver_drop_privilege = true
exim_path = {dir}/exim4
begin routers
all:
  driver = manualroute
  route_list = * {host}
  self = send
  host_find_failed = defer
  transport = remote
begin transports
remote:
  driver = smtp
  port = {port}
  allow_localhost
  tls_verify_certificates = {ca}
  ` + options + `
begin retry
* * F,1h,15m
begin authenticators
login:
  driver = plaintext
  public_name = LOGIN
  client_send = : a@contoso.com : {password}
`,
		"send.sh": `cp /etc/passwd /etc/group {dir} && echo Debian-exim:x:64900:64900::/nonexistent:/usr/sbin/nologin >>{dir}/passwd && echo Debian-exim:x:64900: >>{dir}/group || exit
mount --bind {dir}/passwd /etc/passwd && mount --bind {dir}/group /etc/group || exit
mkdir {dir}/spool && chown -R Debian-exim:Debian-exim {dir}/spool && chown Debian-exim {dir} || exit
printf 'From: a@contoso.com\nTo: b@contoso.com\nSubject: x\n\nhello\n' | {dir}/exim4 -C {dir}/exim.conf -odf -f a@contoso.com b@contoso.com
cat {dir}/mainlog {dir}/paniclog
`,
	}
}

// eximServer finds Exim where make setup put it, and opens the folder to Exim's own user.
func eximServer(t *testing.T, dir string) {
	require.LinuxRoot(t) // it has a mount namespace of its own
	program, err := realserver.Unpacked("usr/sbin/exim4")
	if err != nil {
		require.Missing(t, "%v", err)
	}
	// It runs itself again, as its own user, to deliver: so it stands where everybody may run it.
	b, err := os.ReadFile(program)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "exim4"), b, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(filepath.Dir(dir), 0o755); err != nil {
		t.Fatal(err)
	}
}

// TestClients lets real programs send to a server that listens.
func TestClients(t *testing.T) {
	authority, err := listen.NewAuthority()
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range clients {
		t.Run(c.name, func(t *testing.T) {
			require.Program(t, strings.Fields(c.args)[0])
			rec, output := c.run(t, authority)
			v := diagnose.Diagnose(rec).Verdict
			if v.Step != c.step || v.Cause != c.cause {
				t.Errorf("verdict %s / %s (%s), want %s / %s\n%s%s\nits own words:\n%s", v.Step, v.Cause, v.Confidence, c.step, c.cause, v.Summary, dump(rec), output)
			}
			t.Logf("%-42s %-9s %-30s %s", c.name, v.Step, v.Cause, v.Confidence)
			withoutPassword(t, rec)
		})
	}
}

// run lets a client talk, and returns the record of its last conversation.
func (c client) run(t *testing.T, authority *listen.Authority) (*evidence.Record, string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 40*time.Second)
	defer cancel()
	records := make(chan *evidence.Record, 16)
	srv := &listen.Server{Authority: authority, Done: func(r *evidence.Record) { records <- r }}
	ln := listenOn(t)
	go srv.Serve(ctx, ln, listen.Port{Number: c.port, Implicit: c.port == 465})
	dir := t.TempDir()
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	ca := filepath.Join(dir, "ca.pem")
	write(t, ca, string(authority.PEM()))
	fill := strings.NewReplacer("{host}", "127.0.0.1", "{port}", strconv.Itoa(ln.Addr().(*net.TCPAddr).Port), "{ca}", ca, "{dir}", dir, "{password}", password)
	for name, text := range c.files {
		write(t, filepath.Join(dir, name), fill.Replace(text))
	}
	if c.setUp != nil {
		c.setUp(t, dir)
	}
	args := strings.Fields(strings.ReplaceAll(fill.Replace(c.args), "\u00a0", "\x00"))
	for i := range args {
		args[i] = strings.ReplaceAll(args[i], "\x00", " ")
	}
	cmd := exec.CommandContext(ctx, require.Program(t, args[0]), args[1:]...)
	cmd.Dir, cmd.Stdin = dir, strings.NewReader(c.stdin)
	cmd.Env = append(os.Environ(), "MAIL_CONFIG="+filepath.Join(dir, "postfix"))
	cmd.WaitDelay = time.Second
	output, err := cmd.CombinedOutput()
	if exit := (*exec.ExitError)(nil); err != nil && !errors.As(err, &exit) {
		t.Logf("running it: %v", err)
	}
	select {
	case rec := <-records:
		for more := time.After(300 * time.Millisecond); ; {
			select {
			case rec = <-records:
				continue
			case <-more:
			}
			return rec, string(output)
		}
	case <-time.After(10 * time.Second):
		t.Fatalf("no record came; its own words:\n%s", output)
		return nil, ""
	}
}

func write(t *testing.T, name, text string) {
	t.Helper()
	if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

func otherAuthority(t *testing.T, dir string) {
	other, err := listen.NewAuthority()
	if err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(dir, "other.pem"), string(other.PEM()))
}

func postfixConfig(t *testing.T, dir string) {
	if err := os.Mkdir(filepath.Join(dir, "postfix"), 0o755); err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(dir, "postfix", "main.cf"), "compatibility_level = 3.6\nmyhostname = client.example.com\n")
}

// installNodemailer gets nodemailer from npm's registry into the client's folder.
func installNodemailer(t *testing.T, dir string) {
	npm := require.Program(t, "npm")
	ctx, cancel := context.WithTimeout(t.Context(), 60*time.Second)
	defer cancel()
	cmd := exec.CommandContext(ctx, npm, "install", "--no-audit", "--no-fund", "--prefix", dir, "nodemailer@"+nodemailer)
	if out, err := cmd.CombinedOutput(); err != nil {
		require.Missing(t, "nodemailer cannot be had from npm: %v: %s", err, out)
	}
}

const nodemailer = "10.6.0"

// withoutPassword looks for the password in all of a record, as it is and as AUTH sends it.
func withoutPassword(t *testing.T, rec *evidence.Record) {
	t.Helper()
	var b strings.Builder
	if err := evidence.Write(&b, rec); err != nil {
		t.Fatal(err)
	}
	for _, form := range []string{password, "TWFya2VkLVBhNTV3b3JkIQ", "WFya2VkLVBhNTV3b3Jk", "hcmtlZC1QYTU1d29yZ"} {
		if strings.Contains(b.String(), form) {
			t.Errorf("the record holds %q", form)
		}
	}
}
