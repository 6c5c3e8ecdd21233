package realserver

import (
	"fmt"
	"path/filepath"
)

// prepareOpenSMTPD sets up OpenSMTPD without TLS: every handshake of Debian 12's build fails inside the server.
// Its paths are built in, so the script lays the unpacked package over /usr in a mount namespace.
func prepareOpenSMTPD(s *Server) (string, error) {
	program, err := Unpacked("usr/sbin/smtpd")
	if err != nil {
		return "", err
	}
	// It delivers to accounts alone: the mailboxes of the cases are some.
	if _, err := s.addAccounts("opensmtpd", "opensmtpq", "scanner", "office"); err != nil {
		return "", err
	}
	listen := fmt.Sprintf("listen on %s port %d hostname %s", s.Host, s.Port, Name)
	config := append([]string{}, s.Case.config.main...)
	if filter := s.Case.config.filter; filter != "" {
		config = append(config, `filter "case" phase `+filter)
		listen += ` filter "case"`
	}
	config = append(config, listen,
		`action "local" mda "/bin/cat >/dev/null"`,
		`match from any for domain "example.com" action "local"`)
	if err := s.write("smtpd.conf", lines(config...)); err != nil {
		return "", err
	}
	usr := filepath.Dir(filepath.Dir(program))
	return s.accountsScript() + lines(
		"mount -t overlay overlay -o lowerdir="+usr+":/usr /usr",
		"mount -t tmpfs tmpfs /var/spool",
		"mount -t tmpfs tmpfs /var/lib",
		"mount -t tmpfs tmpfs /run", // for the control socket
		"mkdir -p /var/lib/opensmtpd/empty /var/spool/smtpd",
		"chmod 711 /var/spool/smtpd",
		"/usr/sbin/smtpd -d -f "+s.path("smtpd.conf"),
	), nil
}
