// Package smtp is the grammar of SMTP as servers and clients really speak it: lines, replies, enhanced status
// codes, EHLO keywords, commands, addresses. It does no I/O and keeps what it meets: a reply that breaks the
// rules is still a reply, with its flaws noted, because the flaw is often the clue.
//
// It follows RFC 5321 (SMTP), RFC 2034 and 3463 (enhanced status codes), RFC 3207 (STARTTLS), RFC 4954 (AUTH),
// RFC 1870 (SIZE), RFC 2920 (PIPELINING) and RFC 6531 (SMTPUTF8).
package smtp
