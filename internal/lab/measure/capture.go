package measure

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net/netip"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"time"
)

// A Packet is one TCP segment that a capture saw.
type Packet struct {
	At       time.Time
	From, To netip.AddrPort
	Payload  int // octets; 0 for one that only acknowledges
}

// CaptureArgs are the arguments of tcpdump for a Capture of one device.
func CaptureArgs(device, filter string) []string {
	return []string{"-i", device, "-nn", "-q", "-tt", "-l", "--immediate-mode", filter}
}

// A Capture is a tcpdump that runs.
type Capture struct {
	cmd *exec.Cmd
	out bytes.Buffer
}

// StartCapture starts tcpdump, whose arguments are CaptureArgs, and returns when it sees packets.
func StartCapture(tcpdump *exec.Cmd) (*Capture, error) {
	c := &Capture{cmd: tcpdump}
	tcpdump.Stdout = &c.out
	stderr, err := tcpdump.StderrPipe()
	if err != nil {
		return nil, err
	}
	if err := tcpdump.Start(); err != nil {
		return nil, err
	}
	var said []string
	lines := bufio.NewScanner(stderr)
	for lines.Scan() {
		said = append(said, lines.Text())
		if strings.HasPrefix(lines.Text(), "listening on ") {
			go io.Copy(io.Discard, stderr)
			return c, nil
		}
	}
	err = tcpdump.Wait()
	return nil, fmt.Errorf("%s: %w: %s", tcpdump, err, strings.Join(said, "; "))
}

// Stop ends the capture and returns what it saw.
func (c *Capture) Stop() ([]Packet, error) {
	time.Sleep(50 * time.Millisecond) // the last packets have happened, but may not have been handed over
	if err := c.cmd.Process.Signal(os.Interrupt); err != nil {
		return nil, err
	}
	if err := c.cmd.Wait(); err != nil {
		return nil, fmt.Errorf("%s: %w", c.cmd, err)
	}
	return parsePackets(c.out.String())
}

// parsePackets reads what tcpdump -q prints, such as "1700000000.25 IP 192.0.2.1.4000 > 203.0.113.25.25: tcp 21".
func parsePackets(text string) ([]Packet, error) {
	var packets []Packet
	for line := range strings.Lines(text) {
		f := strings.Fields(line)
		if len(f) == 0 {
			continue
		}
		if len(f) < 7 || f[1] != "IP" && f[1] != "IP6" || f[5] != "tcp" {
			return nil, fmt.Errorf("not a line of tcpdump -q about TCP: %q", line)
		}
		seconds, err := strconv.ParseFloat(f[0], 64)
		if err != nil {
			return nil, err
		}
		p := Packet{At: time.UnixMicro(int64(seconds * 1e6))}
		if p.From, err = parseEnd(f[2]); err != nil {
			return nil, err
		}
		if p.To, err = parseEnd(strings.TrimSuffix(f[4], ":")); err != nil {
			return nil, err
		}
		if p.Payload, err = strconv.Atoi(f[6]); err != nil {
			return nil, err
		}
		packets = append(packets, p)
	}
	return packets, nil
}

// parseEnd reads an address and a port with a dot between them.
func parseEnd(s string) (netip.AddrPort, error) {
	dot := strings.LastIndexByte(s, '.')
	if dot < 0 {
		return netip.AddrPort{}, fmt.Errorf("no port in %q", s)
	}
	addr, err := netip.ParseAddr(s[:dot])
	if err != nil {
		return netip.AddrPort{}, err
	}
	port, err := strconv.ParseUint(s[dot+1:], 10, 16)
	if err != nil {
		return netip.AddrPort{}, err
	}
	return netip.AddrPortFrom(addr, uint16(port)), nil
}
