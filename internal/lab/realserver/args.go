package realserver

import "strconv"

// CheckArgs are the arguments of smtptriage that make it do what the client of the case does: the command, its flags,
// and the server as target.
func (s *Server) CheckArgs() []string {
	c := s.Case.Client
	args := []string{"check"}
	add := func(flag, value string) {
		if value != "" {
			args = append(args, flag, value)
		}
	}
	if !c.DistrustCA {
		add("--ca-file", s.CAFile)
	}
	add("--from", c.From)
	add("--to", c.To)
	add("--ehlo", c.EHLO)
	if c.User != "" {
		add("--user", c.User)
		add("--password-file", s.PasswordFile)
	}
	add("--tls", string(c.TLS))
	add("--tls-min", c.TLSMin)
	add("--tls-max", c.TLSMax)
	if c.Send {
		args = append(args, "--send")
	}
	if c.Size > 0 {
		add("--size", strconv.Itoa(c.Size))
	}
	return append(args, s.Addr)
}
