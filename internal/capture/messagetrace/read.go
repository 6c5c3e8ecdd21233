// Package messagetrace reads the message traces that Exchange Online exports as CSV, and finds the messages of a record in them.
//
// A trace has only what the service took. What it refused within the session never appears in it.
package messagetrace

import (
	"bytes"
	"encoding/binary"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"strings"
	"time"
	"unicode/utf16"
	"unicode/utf8"
)

// Bounds of what is read: the service itself gives 100,000 lines at the most.
const (
	maxFile = 128 << 20
	maxRows = 200_000
)

// A Row is one line of a trace: a message, or in the extended form one event of it.
type Row struct {
	Line       int // in the file, from 1
	Time       time.Time
	Sender     string
	Recipients []Recipient
	Subject    string
	MessageID  string // without brackets
	ClientIP   netip.Addr
	Event      string // of the extended form
	Connector  string
}

// A Recipient of a message, and what became of the message there.
type Recipient struct {
	Address string
	Status  string
}

// columns are the names that the fields have in each form of export: the enhanced summary and the extended report of a historical
// search, and Export-Csv of Get-MessageTraceV2.
var columns = map[string][]string{
	"time":      {"origin_timestamp_utc", "date_time_utc", "date_time", "received"},
	"sender":    {"sender_address", "senderaddress"},
	"recipient": {"recipient_address", "recipientaddress"},
	"status":    {"recipient_status", "status"},
	"subject":   {"message_subject", "subject"},
	"id":        {"message_id", "messageid"},
	"ip":        {"original_client_ip", "client_ip", "fromip"},
	"event":     {"event_id"},
	"connector": {"connector_id"},
}

// Read reads a trace, in UTF-8 or UTF-16.
func Read(r io.Reader) ([]Row, error) {
	data, err := io.ReadAll(io.LimitReader(r, maxFile+1))
	if err != nil {
		return nil, err
	}
	if len(data) > maxFile {
		return nil, fmt.Errorf("it is larger than %d MB", maxFile>>20)
	}
	text, err := decode(data)
	if err != nil {
		return nil, err
	}
	text, before, comma := headed(text)
	c := csv.NewReader(strings.NewReader(text))
	c.Comma = comma
	c.FieldsPerRecord, c.LazyQuotes, c.ReuseRecord = -1, true, true
	head, err := c.Read()
	if err != nil {
		return nil, errors.New("it has no line of column names")
	}
	at := places(head)
	if _, ok := at["sender"]; !ok {
		return nil, errors.New("it is no message trace: it has no column sender_address")
	}
	var rows []Row
	for len(rows) < maxRows {
		fields, err := c.Read()
		if errors.Is(err, io.EOF) {
			return rows, nil
		}
		if err != nil {
			return nil, err
		}
		line, _ := c.FieldPos(0)
		rows = append(rows, rowOf(fields, at, before+line))
	}
	return nil, fmt.Errorf("it has more than %d lines", maxRows)
}

// headed cuts off what programs write before the column names (Windows PowerShell the type of the objects, Excel the separator) and
// tells how many lines that were, and what separates the columns: Excel saves with the separator of the user's country.
func headed(text string) (rest string, before int, comma rune) {
	for {
		line, after, more := strings.Cut(text, "\n")
		if line = strings.TrimSpace(line); more && (line == "" || strings.HasPrefix(line, "#TYPE") || strings.HasPrefix(strings.ToLower(line), "sep=")) {
			text = after
			before++
			continue
		}
		comma = ','
		for _, c := range []rune{';', '\t', '|'} {
			if strings.Count(line, string(c)) > strings.Count(line, string(comma)) {
				comma = c
			}
		}
		return text, before, comma
	}
}

// decode turns the file into UTF-8. Exports are in either form of UTF-16, or in UTF-8, most of them with a byte order mark.
func decode(data []byte) (string, error) {
	var order binary.ByteOrder
	switch {
	case bytes.HasPrefix(data, []byte{0xff, 0xfe}):
		order, data = binary.LittleEndian, data[2:]
	case bytes.HasPrefix(data, []byte{0xfe, 0xff}):
		order, data = binary.BigEndian, data[2:]
	case len(data) > 3 && data[0] != 0 && data[1] == 0 && data[2] != 0 && data[3] == 0: // without a mark, and ASCII as column names are
		order = binary.LittleEndian
	case len(data) > 3 && data[0] == 0 && data[1] != 0 && data[2] == 0 && data[3] != 0:
		order = binary.BigEndian
	default:
		data = bytes.TrimPrefix(data, []byte("\xef\xbb\xbf"))
		if !utf8.Valid(data) || bytes.IndexByte(data, 0) >= 0 {
			return "", errors.New("it is neither UTF-8 nor UTF-16 text")
		}
		return string(data), nil
	}
	units := make([]uint16, len(data)/2)
	for i := range units {
		units[i] = order.Uint16(data[2*i:])
	}
	return string(utf16.Decode(units)), nil
}

// places are the indexes of the columns that are there.
func places(head []string) map[string]int {
	at := map[string]int{}
	for field, names := range columns {
		for _, name := range names {
			for i, h := range head {
				if _, have := at[field]; !have && strings.EqualFold(strings.Trim(h, " \""), name) {
					at[field] = i
				}
			}
		}
	}
	return at
}

func rowOf(fields []string, at map[string]int, line int) Row {
	get := func(field string) string {
		if i, ok := at[field]; ok && i < len(fields) {
			return strings.TrimSpace(fields[i])
		}
		return ""
	}
	r := Row{Line: line, Sender: get("sender"), Subject: get("subject"), MessageID: strings.Trim(get("id"), "<> "),
		Event: get("event"), Connector: get("connector"), Time: parseTime(get("time"))}
	if ip, err := netip.ParseAddr(strings.Trim(get("ip"), "[]")); err == nil {
		r.ClientIP = ip.Unmap()
	}
	r.Recipients = recipients(get("recipient"), get("status"))
	return r
}

// recipients reads both forms: addresses in a column of their own, or with their status as "address##status".
func recipients(addresses, status string) []Recipient {
	var out []Recipient
	separated := func(c rune) bool { return c == ';' || c == ',' }
	if strings.Contains(status, "##") {
		for _, part := range strings.FieldsFunc(status, separated) {
			address, what, named := strings.Cut(strings.TrimSpace(part), "##")
			if !named && len(out) > 0 { // one more status of the same recipient
				out[len(out)-1].Status += ", " + address
				continue
			}
			out = append(out, Recipient{address, what})
		}
		return out
	}
	for _, a := range strings.FieldsFunc(addresses, separated) {
		out = append(out, Recipient{strings.TrimSpace(a), status})
	}
	return out
}

// timeForms are those of the exports. All are UTC. Export-Csv writes times as the user's country has them; where only the order of
// day and month is in doubt, the American one is tried first.
var timeForms = []string{time.RFC3339Nano, "2006-01-02T15:04:05.9999999", "2006-01-02 15:04:05", "1/2/2006 3:04:05 PM", "1/2/2006 15:04:05",
	"2/1/2006 15:04:05", "2/1/2006 3:04:05 PM", "2.1.2006 15:04:05", "2-1-2006 15:04:05"}

func parseTime(s string) time.Time {
	for _, form := range timeForms {
		if t, err := time.Parse(form, s); err == nil {
			return t.UTC()
		}
	}
	return time.Time{}
}
