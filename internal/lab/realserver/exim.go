package realserver

import (
	"fmt"
	"strings"
)

// prepareExim sets up Exim as a server that takes mail for example.com and leaves it in its queue.
func prepareExim(s *Server) (string, error) {
	program, err := Unpacked("usr/sbin/exim4")
	if err != nil {
		return "", err
	}
	const owner = "Debian-exim" // built into Debian's program
	accounts, err := s.addAccounts(owner)
	if err != nil {
		return "", err
	}
	for _, folder := range []string{"spool", "log"} {
		if err := s.mkdir(folder, 0o750, accounts[owner].uid, accounts[owner].gid); err != nil {
			return "", err
		}
	}
	if err := s.write("exim.conf", eximConfig(s)); err != nil {
		return "", err
	}
	return s.accountsScript() + lines(fmt.Sprintf("%s -C %s -bdf", program, s.path("exim.conf"))), nil
}

func eximConfig(s *Server) string {
	c := s.Case.config
	main := settings([]string{
		"primary_hostname = " + Name,
		"local_interfaces = " + s.Host,
		fmt.Sprintf("daemon_smtp_ports = %d", s.Port),
		"spool_directory = " + s.path("spool"),
		"log_file_path = " + s.path("log/%slog"),
		"pid_file_path = " + s.path("exim.pid"),
		"keep_environment =",
		"host_lookup =",
		"rfc1413_hosts =",
		"rfc1413_query_timeout = 0s",
		"queue_only = true",
		"tls_advertise_hosts = *",
		"tls_certificate = " + s.path("cert.pem"),
		"tls_privatekey = " + s.path("key.pem"),
	}, c.main)
	for _, acl := range eximACLs {
		main = append(main, "acl_smtp_"+acl.name+" = "+acl.name)
	}
	if c.implicitTLS {
		main = append(main, fmt.Sprintf("tls_on_connect_ports = %d", s.Port))
	}
	config := lines(main...) + "begin acl\n"
	for _, acl := range eximACLs {
		config += acl.name + ":\n" + lines(c.acl[acl.name]...) + lines(acl.rules...)
	}
	config += `
begin routers
outside:
  driver = accept
  domains = !example.com : !example.org
  transport = discard
local:
  driver = accept
  domains = example.com
  local_parts = scanner : office
  transport = discard
begin transports
discard:
  driver = appendfile
  file = /dev/null
  user = nobody
begin authenticators
`
	for _, mechanism := range strings.Fields(c.mechanisms) {
		config += eximAuthenticators[mechanism]
	}
	return config
}

// eximACLs are the access lists, with the rules that stand after those of a case.
var eximACLs = []struct {
	name  string
	rules []string
}{
	{"connect", []string{"accept"}},
	{"mail", []string{"accept"}},
	{"rcpt", []string{
		"accept authenticated = *",
		"deny !domains = example.com", "message = relay not permitted",
		"require verify = recipient",
		"accept",
	}},
	{"data", []string{"accept"}},
}

// eximAuthenticators are sign-in by mechanism, offered over TLS only.
var eximAuthenticators = map[string]string{
	"PLAIN": `plain:
  driver = plaintext
  public_name = PLAIN
  server_prompts = :
  server_condition = ${if and{{eq{$auth2}{` + Scanner + `}}{eq{$auth3}{` + Password + `}}}}
  server_set_id = $auth2
  server_advertise_condition = ${if def:tls_in_cipher}
`,
	"LOGIN": `login:
  driver = plaintext
  public_name = LOGIN
  server_prompts = Username:: : Password::
  server_condition = ${if and{{eq{$auth1}{` + Scanner + `}}{eq{$auth2}{` + Password + `}}}}
  server_set_id = $auth1
  server_advertise_condition = ${if def:tls_in_cipher}
`,
	"CRAM-MD5": `cram:
  driver = cram_md5
  public_name = CRAM-MD5
  server_secret = ` + Password + `
  server_set_id = $auth1
`,
}
