package cli

import (
	"archive/zip"
	"bytes"
	"context"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"io"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/smtptriage/smtptriage/internal/lab"
)

// The secrets that must never be seen again, with characters that encodings change.
const (
	markedPassword = "Marked-P+ss/w?rd=4711"
	markedUser     = "scanner@contoso.com"
)

// markedToken is long, like a real one: three parts, of which two can be read.
var markedToken = "bWFya2VkLWhlYWQ." + base64.RawURLEncoding.EncodeToString([]byte(`{"aud":"https://outlook.office365.com","scp":"SMTP.Send","upn":"scanner@contoso.com","secret":"marked-claim"}`)) +
	".bWFya2VkLXNpZ25hdHVyZQ"

// forms are the shapes in which a secret could leak: as it is, as URLs, hex and base64 have it, and as SASL's PLAIN and XOAUTH2 do,
// at each place in a base64 text that it can stand.
func forms(secret string) map[string]string {
	all := map[string]string{"raw": secret, "query": url.QueryEscape(secret), "path": url.PathEscape(secret), "hex": hex.EncodeToString([]byte(secret)),
		"HTML": strings.NewReplacer("+", "&#43;", "=", "&#61;").Replace(secret)}
	for name, text := range map[string]string{"alone": secret, "PLAIN": "\x00" + markedUser + "\x00" + secret,
		"XOAUTH2": "user=" + markedUser + "\x01auth=Bearer " + secret + "\x01\x01"} {
		all["base64 "+name] = strings.TrimRight(base64.StdEncoding.EncodeToString([]byte(text)), "=")
	}
	for shift := range 3 {
		encoded := base64.StdEncoding.EncodeToString([]byte(strings.Repeat("x", shift) + secret))
		core := encoded[4:max(4, len(encoded)-6)]
		all[fmt.Sprintf("base64 within, at %d", shift)] = core
		all[fmt.Sprintf("base64url within, at %d", shift)] = strings.NewReplacer("+", "-", "/", "_").Replace(core)
	}
	return all
}

// leak finds a secret in a text, in any form and however the text is broken into lines.
func leak(text string) (form string) {
	flat := strings.ToLower(strings.Join(strings.Fields(strings.ReplaceAll(text, `\n`, " ")), ""))
	parts := strings.Split(markedToken, ".")
	for _, secret := range []string{markedPassword, markedToken, parts[0] + "." + parts[1], "marked-claim"} {
		for name, f := range forms(secret) {
			if strings.Contains(text, f) || strings.Contains(flat, strings.ToLower(f)) {
				return fmt.Sprintf("%.12s..., %s", secret, name)
			}
		}
	}
	return ""
}

// TestLeakFindsSecrets makes sure that the test below can fail.
func TestLeakFindsSecrets(t *testing.T) {
	for _, text := range []string{
		"x" + markedPassword, "C: AUTH PLAIN " + base64.StdEncoding.EncodeToString([]byte("\x00"+markedUser+"\x00"+markedPassword)),
		base64.StdEncoding.EncodeToString([]byte(markedPassword)), base64.StdEncoding.EncodeToString([]byte(`{"a":"` + markedPassword + `"}`)),
		"Bearer " + markedToken, markedToken[:40] + "\n   " + markedToken[40:], url.QueryEscape(markedPassword), strings.ToLower(markedPassword),
		strings.ToUpper(hex.EncodeToString([]byte(markedPassword))),
	} {
		if leak(text) == "" {
			t.Errorf("it is not found in %q", text)
		}
	}
	if f := leak("nothing here, " + markedUser + " " + base64.StdEncoding.EncodeToString([]byte(markedUser))); f != "" {
		t.Errorf("found %s where there is none", f)
	}
}

// echo are scripts of a server that gives back what it was told, SECRET and others standing for it.
var echo = map[string]string{
	"taken":            "account " + markedUser + " SECRET\n",
	"refused":          "on CREDENTIALS reply 535 5.7.3 Authentication unsuccessful {tag}\n",
	"echoed":           "on CREDENTIALS reply 535 5.7.8 no such password or token: SECRET\n",
	"in base64":        "on CREDENTIALS reply 535 5.7.8 bad: PLAIN\n",
	"in small letters": "on CREDENTIALS reply 535 5.7.8 bad: LOWER, UPPER\n",
	"over two lines":   "on CREDENTIALS send \"535-5.7.8 you sent HALF1\\r\\n535 5.7.8 HALF2, which is wrong\\r\\n\"\n",
	"in pieces":        "on CREDENTIALS send \"535-5.7.8 no: HALF1\\r\\n535 HALF2\\r\\n\"\n",
	"in hexadecimal":   "on CREDENTIALS reply 535 5.7.8 bad: HEX\n",
	"alone in base64":  "on CREDENTIALS reply 535 5.7.8 bad: BASE64\n",
	"as no reply":      "on CREDENTIALS send \"you sent SECRET, in base64 BASE64\\r\\n535 5.7.8 no\\r\\n\"\n",
	"behind the reply": "on CREDENTIALS send \"535 5.7.8 no\\r\\n550 you sent SECRET, in base64 BASE64\\r\\n\"\n",
	"afterwards":       "account " + markedUser + " SECRET\non MAIL reply 550 5.7.1 who signs in with SECRET\n",
}

// TestNoSecretAnywhere runs commands with a marked password and a marked token, in every format, and looks through all they write.
func TestNoSecretAnywhere(t *testing.T) {
	for name, script := range echo {
		for _, how := range []struct{ flag, secret string }{{"--password-file", markedPassword}, {"--oauth-token-file", markedToken}, {"--password-env", markedPassword}} {
			t.Run(name+" "+how.flag, func(t *testing.T) {
				plain := base64.StdEncoding.EncodeToString([]byte("\x00" + markedUser + "\x00" + how.secret))
				half := len(how.secret) / 2
				script := strings.NewReplacer("SECRET", how.secret, "PLAIN", plain, "LOWER", strings.ToLower(how.secret), "UPPER", strings.ToUpper(how.secret),
					"HALF1", how.secret[:half], "HALF2", how.secret[half:], "HEX", hex.EncodeToString([]byte(how.secret)),
					"BASE64", base64.StdEncoding.EncodeToString([]byte(how.secret))).Replace(script)
				c, err := lab.ParseCase("secrets.txtar", []byte("secrets\n-- want --\nverdict none accepted\n-- server --\npersonality m365-submission\n"+script))
				if err != nil {
					t.Fatal(err)
				}
				r, err := lab.Start(t.Context(), c)
				if err != nil {
					t.Fatal(err)
				}
				defer r.Stop()
				runWithSecret(t, r, how.flag, how.secret)
			})
		}
	}
}

func runWithSecret(t *testing.T, r *lab.Running, flag, secret string) {
	dir := t.TempDir()
	value := filepath.Join(dir, "secret")
	if flag == "--password-env" {
		value = "SMTPTRIAGE_TEST_SECRET"
		t.Setenv(value, secret)
	} else if err := os.WriteFile(value, []byte(secret+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, format := range rendererNames() {
		out := filepath.Join(t.TempDir(), "out")
		if err := os.Mkdir(out, 0o700); err != nil {
			t.Fatal(err)
		}
		in := func(name string) string { return filepath.Join(out, name) }
		lookThrough(t, out, []string{"check", r.Addr(), "--no-controls", "--ca-file", r.CAFile, "--from", markedUser, "--user", markedUser, flag, value,
			"--max-time", "20s", "-v", "--format", format, "-o", in("report"), "--evidence", in("evidence.json"), "--bundle", in("bundle.zip")})
		if b, err := os.ReadFile(in("evidence.json")); err != nil || !strings.Contains(string(b), `"secret": true`) && !strings.Contains(string(b), `"secret":true`) {
			t.Fatalf("no secret was sent, so this shows nothing: %v", err)
		}
		lookThrough(t, out, []string{"analyze", in("evidence.json"), "--format", format})
	}
}

// TestNoSecretOfOthers: what people paste may hold a sign-in too.
func TestNoSecretOfOthers(t *testing.T) {
	plain := base64.StdEncoding.EncodeToString([]byte("\x00" + markedUser + "\x00" + markedPassword))
	login := base64.StdEncoding.EncodeToString([]byte(markedPassword))
	user := base64.StdEncoding.EncodeToString([]byte(markedUser))
	bearer := base64.StdEncoding.EncodeToString([]byte("user=" + markedUser + "\x01auth=Bearer " + markedToken + "\x01\x01"))
	for name, text := range map[string]string{
		"AUTH PLAIN":   "S: 220 mail.example.com ESMTP\nC: EHLO a\nS: 250-mail.example.com\nS: 250 AUTH PLAIN LOGIN\nC: AUTH PLAIN " + plain + "\nS: 535 5.7.8 authentication failed\n",
		"AUTH LOGIN":   "220 mail.example.com ESMTP\nEHLO a\n250-mail.example.com\n250 AUTH LOGIN\nAUTH LOGIN\n334 VXNlcm5hbWU6\n" + user + "\n334 UGFzc3dvcmQ6\n" + login + "\n535 5.7.3 Authentication unsuccessful\n",
		"AUTH XOAUTH2": "S: 220 mail.example.com ESMTP\nC: EHLO a\nS: 250-mail.example.com\nS: 250 AUTH XOAUTH2\nC: AUTH XOAUTH2 " + bearer + "\nS: 535 5.7.3 Authentication unsuccessful\n",
	} {
		t.Run(name, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "transcript.txt")
			if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
			for _, format := range rendererNames() {
				lookThrough(t, t.TempDir(), []string{"analyze", file, "--format", format})
			}
			lookThrough(t, t.TempDir(), []string{"explain", file})
		})
	}
}

// lookThrough runs a command and looks for secrets in both its streams and in all files of a folder, also inside of archives.
func lookThrough(t *testing.T, dir string, args []string) {
	t.Helper()
	var out, errOut bytes.Buffer
	status := Main(context.WithoutCancel(t.Context()), args, strings.NewReader(""), &out, &errOut)
	if status == exitUsage || out.Len()+errOut.Len() == 0 {
		t.Fatalf("%v: status %d, %s", args, status, errOut.String())
	}
	found := map[string]string{"standard output": out.String(), "standard error": errOut.String()}
	files, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		b, err := os.ReadFile(filepath.Join(dir, f.Name()))
		if err != nil {
			t.Fatal(err)
		}
		found[f.Name()] = string(b)
		if strings.HasSuffix(f.Name(), ".zip") {
			unpack(t, f.Name(), b, found)
		}
	}
	for where, text := range found {
		if form := leak(text); form != "" {
			t.Errorf("%v: %s holds the secret (%s)", args, where, form)
		}
	}
}

func unpack(t *testing.T, name string, data []byte, into map[string]string) {
	t.Helper()
	z, err := zip.NewReader(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range z.File {
		r, err := f.Open()
		if err != nil {
			t.Fatal(err)
		}
		b, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		into[name+"/"+f.Name] = string(b)
	}
	if len(z.File) == 0 {
		t.Errorf("%s is empty", name)
	}
}

// TestSecretFiles reads files as other programs leave them.
func TestSecretFiles(t *testing.T) {
	for _, tt := range []struct{ name, holds, want, wrong string }{
		{"one line", "secret\n", "secret", ""},
		{"no line end", "secret", "secret", ""},
		{"line end of Windows, and more lines", "secret\r\nmore\r\n", "secret", ""},
		{"blanks belong to it", " secret \n", " secret ", ""},
		{"the mark of Notepad", "\ufeffsecret\r\n", "secret", ""},
		{"UTF-16 of old PowerShell", "\xff\xfes\x00e\x00\r\x00\n\x00", "", "UTF-16 text"},
		{"the mark alone", "\ufeff\n", "", "is empty"},
		{"a NUL", "se\x00cret\n", "", "NUL"},
		{"as long as it may be", strings.Repeat("x", maxSecret), strings.Repeat("x", maxSecret), ""},
		{"too long to be one", strings.Repeat("x", maxSecret+1), "", "longer than"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			a := &app{in: strings.NewReader(tt.holds)}
			got, err := a.secretFile("password", "-")
			switch {
			case tt.wrong == "" && (err != nil || got != tt.want):
				t.Errorf("got %q, %v", got, err)
			case tt.wrong != "" && (err == nil || !strings.Contains(err.Error(), tt.wrong)):
				t.Errorf("got %v, want an error with %q", err, tt.wrong)
			}
		})
	}
}
