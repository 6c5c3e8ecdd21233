package text

import (
	"bytes"
	"encoding/base64"
	"strings"

	"github.com/smtptriage/smtptriage/internal/evidence"
	"github.com/smtptriage/smtptriage/internal/smtp"
)

// People paste their settings and command lines together with the error. What stands behind these words is no evidence, and is
// masked before anything is read. The first group is the secret.
var (
	// pass: 'x', "password": "x", client_secret="x"
	quotedSecret = lazily(`(?i)(?:pass(?:word|wd|phrase)?|pwd|secret|token|api_?key)["']?\s*(?:=>|[:=])\s*(?:"([^"]+)"|'([^']+)')`)
	// SMTP_PASSWORD=x, --auth-password x, -ap x, Password: x
	bareSecret = lazily(`(?i)(?:(?:pass(?:word|wd|phrase)?|pwd|secret|token|api_?key)(?:=|: ?)|password |--?[a-z-]*pass(?:word)?[ =]|\s-ap )["']?([^\s"',;}]+)`)
	// --user name:x, smtp://name:x@host
	afterColon = lazily(`(?:(?:--user|\s-u)[ =]["']?[^\s:"']+|://[^\s:/@"']+):([^\s"'@]+)`)
	bearer     = lazily(`(?i)\bBearer\s+([\w.~+/-]{16,}=*)`)
	jwt        = lazily(`\beyJ[\w-]{10,}\.[\w-]{10,}\.[\w-]*`)
	longBase64 = lazily(`[A-Za-z0-9+/]{12,}={0,2}`)
)

// hints are words of which one stands before every secret that the expressions find, but for answers.
var hints = []string{"pass", "pwd", "secret", "token", "key", "bearer", "://", "-u", "-ap ", "eyj"}

// hideSecrets masks the secrets in lines, and what repeats them in others.
func hideSecrets(lines []line) []line {
	var scrub evidence.Scrubber
	known := 0
	for i := range lines {
		text := hideAnswers(lines[i].text)
		if mentions(strings.ToLower(text), hints) {
			for _, re := range []*lazy{quotedSecret, bareSecret, afterColon, bearer} {
				var found []string
				text, found = hideGroups(re, text)
				if known += len(found); known <= maxSecrets {
					scrub.Add("", found...)
				}
			}
			text = jwt.ReplaceAllString(text, smtp.Masked)
		}
		lines[i].text = text
	}
	if known == 0 {
		return lines
	}
	for i := range lines {
		lines[i].text = scrub.Clean(lines[i].text)
	}
	return lines
}

// maxSecrets bounds how many are looked for in other lines.
const maxSecrets = 50

// hideGroups masks what the groups of an expression match. It returns the secrets that are worth looking for elsewhere.
func hideGroups(re *lazy, text string) (masked string, secrets []string) {
	var b strings.Builder
	last := 0
	for _, m := range re.FindAllStringSubmatchIndex(text, 8) {
		from, to := m[2], m[3]
		if from < 0 {
			from, to = m[4], m[5]
		}
		secret := text[from:to]
		if secret == smtp.Masked || re == bareSecret && isProse(secret) {
			continue
		}
		if !isProse(secret) {
			secrets = append(secrets, secret)
		}
		b.WriteString(text[last:from])
		b.WriteString(smtp.Masked)
		last = to
	}
	b.WriteString(text[last:])
	return b.String(), secrets
}

// isProse reports whether what stands where a secret could is a word or number of a sentence: "password: incorrect", "token:
// AADSTS700082". Such are too common to be looked for elsewhere.
func isProse(s string) bool {
	const shortest = 8
	word := strings.Trim(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.-_:()[]")
	number := strings.Trim(s, "0123456789.-:()[]")
	return len(s) < shortest || word == "" || number == "" || strings.Contains(s, "AADSTS") || strings.Contains(s, "://")
}

// hideAnswers masks answers of PLAIN and XOAUTH2, which servers and programs quote within their messages. A line that is nothing
// else is left to the dialogue it may be part of.
func hideAnswers(text string) string {
	return longBase64.ReplaceAllStringFunc(text, func(word string) string {
		raw, err := base64.StdEncoding.DecodeString(word)
		if err != nil || strings.TrimSpace(text) == word {
			return word
		}
		if bytes.Count(raw, []byte{0}) == 2 && !bytes.HasSuffix(raw, []byte{0}) || bytes.Contains(raw, []byte("auth=Bearer")) {
			return smtp.Masked
		}
		return word
	})
}
