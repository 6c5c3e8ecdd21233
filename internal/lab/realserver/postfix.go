package realserver

import (
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"strconv"
	"strings"
)

const postfixMaster = "/usr/lib/postfix/sbin/master"

// preparePostfix sets up an instance that shares nothing but the programs with one that may be installed. Mail it
// takes is discarded.
func preparePostfix(s *Server) (string, error) {
	if _, err := os.Stat(postfixMaster); err != nil {
		return "", &MissingError{"Postfix is not there: see make setup"}
	}
	c := s.Case.config
	main := settings([]string{
		"compatibility_level = 3.6",
		"queue_directory = " + s.path("queue"),
		"data_directory = " + s.path("data"),
		"maillog_file = " + s.path("log/maillog"),
		"maillog_file_prefixes = " + s.dir,
		"command_directory = /usr/sbin",
		"daemon_directory = /usr/lib/postfix/sbin",
		"mail_owner = postfix",
		"setgid_group = postdrop",
		"inet_interfaces = loopback-only", // it knows 127.0.0.1 alone; master.cf names the address
		"inet_protocols = ipv4",
		"myhostname = " + Name,
		"mydestination = example.com",
		"mynetworks = 192.0.2.0/24", // not loopback: the client of a case is a stranger
		"smtpd_peername_lookup = no",
		"local_recipient_maps = texthash:" + s.path("etc/recipients"),
		"alias_maps =",
		"local_transport = discard:",
		"default_transport = discard:",
		"relay_transport = discard:",
		"smtpd_relay_restrictions = permit_sasl_authenticated, reject_unauth_destination",
		"smtpd_tls_security_level = may",
		"smtpd_tls_chain_files = " + s.path("key.pem") + ", " + s.path("cert.pem"),
	}, c.main)
	if c.greylist {
		main = append(main, "smtpd_recipient_restrictions = check_policy_service unix:"+s.path("policy"))
	}
	if c.mechanisms != "" {
		main = append(main, "smtpd_sasl_auth_enable = yes", "smtpd_tls_auth_only = yes",
			"smtpd_sasl_path = smtpd", "cyrus_sasl_config_path = "+s.path("etc/sasl"))
		if err := s.writeSASL(c.mechanisms); err != nil {
			return "", err
		}
	}
	for name, text := range c.files {
		if err := s.write("etc/"+name, text); err != nil {
			return "", err
		}
	}
	options := c.smtpd
	if c.implicitTLS {
		options = append(options, "smtpd_tls_wrappermode=yes")
	}
	for name, text := range map[string]string{
		"etc/main.cf":    lines(main...),
		"etc/master.cf":  postfixServices(s.Addr, options),
		"etc/recipients": lines(Scanner+" x", Office+" x"),
	} {
		if err := s.write(name, text); err != nil {
			return "", err
		}
	}
	// "postfix start" would make the folders too, but takes seconds over its checks.
	return lines(postfixMaster + " -d -c " + s.path("etc")), s.makePostfixFolders()
}

// PostfixServices are the lines of master.cf that every Postfix of a test has, whether it takes mail or sends it.
const PostfixServices = `cleanup   unix  n - n - 0 cleanup
qmgr      unix  n - n 300 1 qmgr
tlsmgr    unix  - - n 1000? 1 tlsmgr
rewrite   unix  - - n - - trivial-rewrite
bounce    unix  - - n - 0 bounce
defer     unix  - - n - 0 bounce
trace     unix  - - n - 0 bounce
proxymap  unix  - - n - - proxymap
error     unix  - - n - - error
retry     unix  - - n - - error
discard   unix  - - n - - discard
anvil     unix  - - n - 1 anvil
postlog   unix-dgram n - n - 1 postlogd
`

// postfixServices is master.cf: SMTP at addr, and the services without which Postfix takes no mail, none chrooted.
func postfixServices(addr string, options []string) string {
	var services strings.Builder
	fmt.Fprintf(&services, "%s inet n - n - - smtpd\n", addr)
	for _, option := range options {
		fmt.Fprintf(&services, "  -o %s\n", option)
	}
	services.WriteString(PostfixServices)
	return services.String()
}

// makePostfixFolders makes the queue as Debian's postfix-files describes it.
func (s *Server) makePostfixFolders() error {
	postfix, err := lookUp("postfix")
	if err != nil {
		return err
	}
	drop, err := user.LookupGroup("postdrop")
	if err != nil {
		return err
	}
	dropID, err := strconv.Atoi(drop.Gid)
	if err != nil {
		return err
	}
	type folder struct {
		name     string
		mode     os.FileMode
		uid, gid int
	}
	folders := []folder{
		{"log", 0o755, 0, 0}, {"queue", 0o755, 0, 0}, {"queue/pid", 0o755, 0, 0}, {"data", 0o700, postfix.uid, postfix.gid},
		{"queue/maildrop", 0o730, postfix.uid, dropID}, {"queue/public", 0o710, postfix.uid, dropID},
	}
	for _, name := range strings.Fields("active bounce corrupt defer deferred flush hold incoming private saved trace") {
		folders = append(folders, folder{"queue/" + name, 0o700, postfix.uid, 0})
	}
	for _, f := range folders {
		if err := s.mkdir(f.name, f.mode, f.uid, f.gid); err != nil {
			return err
		}
	}
	return nil
}

// writeSASL makes a password database for Cyrus SASL, and the configuration that names it.
func (s *Server) writeSASL(mechanisms string) error {
	program, err := exec.LookPath("/usr/sbin/saslpasswd2")
	if err != nil {
		return &MissingError{"saslpasswd2 is not there: see make setup"}
	}
	err = s.write("etc/sasl/smtpd.conf", lines("pwcheck_method: auxprop", "auxprop_plugin: sasldb",
		"sasldb_path: "+s.path("sasldb"), "mech_list: "+mechanisms))
	if err != nil {
		return err
	}
	name, realm, _ := strings.Cut(Scanner, "@")
	cmd := exec.Command(program, "-c", "-p", "-f", s.path("sasldb"), "-u", realm, name)
	cmd.Stdin = strings.NewReader(Password)
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("saslpasswd2: %w: %s", err, out)
	}
	return os.Chmod(s.path("sasldb"), 0o644) // the server reads it as a user of its own
}
