package lab

import (
	"encoding/base64"
	"slices"
	"strings"

	"github.com/smtptriage/smtptriage/internal/smtp"
)

// An attempt is what a client gave to sign in. It lives as long as the exchange and is written nowhere.
type attempt struct{ user, password string }

// mechanisms are those the server takes now.
func (s *session) mechanisms() []string {
	p := s.script.personality
	switch {
	case s.tls == nil && !p.plainAuth:
		return nil
	case s.script.mechanisms != nil:
		return s.script.mechanisms
	}
	return p.mechanisms
}

// auth holds the exchange of AUTH (RFC 4954, section 4) for PLAIN, LOGIN and XOAUTH2. Whatever the client says is taken
// first and judged then, so that a script can answer at Credentials.
func (s *session) auth() outcome {
	p := s.script.personality
	f := strings.Fields(s.now.command.Args)
	offered := s.mechanisms()
	switch {
	case len(offered) == 0:
		return s.writeLines(s.one(p.replies.noAuth))
	case s.user != "" || len(f) == 0:
		return s.writeLines(s.one(p.replies.badSequence))
	case !slices.Contains(offered, strings.ToUpper(f[0])):
		return s.writeLines(s.one(p.replies.noMechanism))
	}
	initial := ""
	if len(f) > 1 {
		initial = f[1]
	}
	var ok bool
	var out outcome
	switch strings.ToUpper(f[0]) {
	case "PLAIN":
		ok, out = s.authPlain(initial)
	case "LOGIN":
		ok, out = s.authLogin(initial)
	case "XOAUTH2":
		ok, out = s.authXOAuth2(initial)
	default: // offered for show
		return s.writeLines(s.one(p.replies.noMechanism))
	}
	if out == ended {
		return ended
	}
	if !ok {
		return s.writeLines(s.one(p.replies.syntax))
	}
	out = s.at(Credentials, smtp.Command{})
	s.login, s.code = attempt{user: s.login.user}, 0
	return out
}

func (s *session) authPlain(initial string) (bool, outcome) {
	text, out := s.ask(initial, "334 ")
	parts := strings.Split(text, "\x00") // authorization id, authentication id, password (RFC 4616)
	if len(parts) != 3 {
		return false, out
	}
	s.login = attempt{parts[1], parts[2]}
	return true, out
}

func (s *session) authLogin(initial string) (bool, outcome) {
	user, out := s.ask(initial, "334 VXNlcm5hbWU6")
	if out == ended {
		return false, ended
	}
	password, out := s.ask("", "334 UGFzc3dvcmQ6")
	s.login = attempt{user, password}
	return user != "", out
}

// authXOAuth2 takes "user=NAME^Aauth=Bearer TOKEN^A^A". The token counts as the password.
func (s *session) authXOAuth2(initial string) (bool, outcome) {
	text, out := s.ask(initial, "334 ")
	user, rest, ok := strings.Cut(strings.TrimPrefix(text, "user="), "\x01auth=Bearer ")
	if !ok {
		return false, out
	}
	s.login = attempt{user, strings.TrimRight(rest, "\x01")}
	return true, out
}

// ask returns what the client gives, decoded: the initial response if there is one, else its answer to the prompt.
func (s *session) ask(initial, prompt string) (string, outcome) {
	if initial == "" {
		if s.writeLines([]string{prompt}) == ended {
			return "", ended
		}
		line, err := s.wire.readLine()
		if err != nil {
			s.wire.end(s.ctx, orderly)
			return "", ended
		}
		initial = string(line)
	}
	text, err := base64.StdEncoding.DecodeString(strings.TrimSpace(initial))
	if err != nil {
		return "", answered
	}
	return string(text), answered
}

// credentialsAnswer judges what the client gave against the accounts of the script.
func (s *session) credentialsAnswer() string {
	accounts := s.script.accounts
	if len(accounts) == 0 {
		accounts = labAccounts
	}
	if slices.Contains(accounts, account(s.login)) {
		return s.script.personality.replies.signedIn
	}
	return s.script.personality.replies.badLogin
}

// labAccounts are known to every server whose script names none.
var labAccounts = []account{{"scanner@contoso.com", "lab-password"}, {"scanner@example.com", "lab-password"}}
