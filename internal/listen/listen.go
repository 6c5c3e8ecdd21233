// Package listen is the server that a device is pointed at, to see what the device really says: "the test from the laptop
// passes, the device fails" ends here. It takes any client as it comes, records the conversation and judges nothing; that is
// package diagnose's.
//
// It relays nothing: mail that it takes is looked at while it passes and dropped, or kept in a folder. Secrets that clients give
// are compared by a keyed digest that dies with the process, and never written down.
//
// Implemented as far as clients need it: RFC 5321 (SMTP), 1870 (SIZE), 2920 (PIPELINING), 3030 (CHUNKING), 3207 (STARTTLS), 4954
// (AUTH), 8314 (implicit TLS).
package listen
