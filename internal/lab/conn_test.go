package lab

import (
	"io"
	"net"
)

// A countingConn counts what is read.
type countingConn struct {
	net.Conn
	n int64
}

func (c *countingConn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	c.n += int64(n)
	return n, err
}

// A readless connection lets a TLS client send its hello and nothing be read by it.
type readless struct{ net.Conn }

func (readless) Read([]byte) (int, error) { return 0, io.EOF }
func (readless) Close() error             { return nil }
