package text

import (
	"strings"
	"testing"
)

func TestLearn(t *testing.T) {
	for _, tt := range []struct {
		name, text string
		want       int // marks that are learned
	}{
		{"marks of its own", "us -> EHLO a\nthem -> 250 b\nus -> MAIL FROM:<a@b>\nthem -> 250 c", 2},
		{"times in them", "09:00:01.1 tx| EHLO a\n09:00:02.22 rx| 250 b\n09:00:03.3 tx| QUIT\n10:00:00.4 rx| 221 c", 2},
		{"sessions in them", "09:00 session=ab1 out: EHLO a\n09:00 session=cd2 in: 250 b\n09:00 session=ef3 out: QUIT\n09:00 session=ab4 in: 221 c", 2},
		{"one side alone", "app: EHLO a\napp: QUIT\napp: MAIL FROM:<a@b>", 0},
		{"one mark for both", "app: EHLO a\napp: 250 b\napp: QUIT\napp: 221 c", 0},
		{"one command again and again", "a: QUIT\nb: 221 x\na: QUIT\nb: 221 x", 0},
		{"no dialogue", "port 465 failed\nport 465 failed\nsee HELP\nsee HELP", 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var lines []line
			for i, s := range strings.Split(tt.text, "\n") {
				lines = append(lines, line{i + 1, s})
			}
			if got := learn(lines); len(got) != tt.want {
				t.Errorf("got %v, want %d marks", got, tt.want)
			}
		})
	}
}

func TestKeyBefore(t *testing.T) {
	for _, tt := range []struct {
		prefix, key string
		loose       bool
	}{
		{"[2026-11-20 09:00:01] DEBUG [qPM4MG0cPQ] ", "qPM4MG0cPQ", false},
		{"12345 ", "12345", false},
		{"09:00:01 session=1001 ", "1001", true},
		{"conn 1001: ", "1001", true},
		{"host app[1]: #1002 ", "1002", true},
		{"Session ID: ab-12 ", "ab-12", true},
		{"[CLIENT] ", "", false},
		{"DEBUG ", "", false},
		{"client ", "", false},
	} {
		if key, loose := keyBefore(tt.prefix); key != tt.key || loose != tt.loose {
			t.Errorf("%q: got %q, %v, want %q, %v", tt.prefix, key, loose, tt.key, tt.loose)
		}
	}
}
