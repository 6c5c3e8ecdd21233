// Package tlsopen opens the encrypted part of TLS connections whose keys are known: TLS 1.2 and 1.3 with AES-GCM or
// ChaCha20-Poly1305. It verifies nothing but what the ciphers themselves do.
//
// Standards: RFC 5246 and 5288, 7905, 8446; the key log is the format of SSLKEYLOGFILE (RFC 9850).
package tlsopen

import (
	"bytes"
	"encoding/hex"
	"strings"
)

// maxKeys is how many connections' keys are kept.
const maxKeys = 100_000

// A KeyLog holds the secrets of connections, by the client's random octets. The zero value is empty.
type KeyLog struct {
	secrets map[[32]byte]map[string][]byte
}

// Labels of a key log.
const (
	masterSecret    = "CLIENT_RANDOM"
	clientHandshake = "CLIENT_HANDSHAKE_TRAFFIC_SECRET"
	serverHandshake = "SERVER_HANDSHAKE_TRAFFIC_SECRET"
	clientTraffic   = "CLIENT_TRAFFIC_SECRET_0"
	serverTraffic   = "SERVER_TRAFFIC_SECRET_0"
)

// Add reads lines of a key log. Lines that are none are left out.
func (k *KeyLog) Add(text []byte) {
	for line := range bytes.Lines(text) {
		f := strings.Fields(string(line))
		if len(f) != 3 || len(f[1]) != 64 || len(f[2]) > 256 {
			continue
		}
		var random [32]byte
		if _, err := hex.Decode(random[:], []byte(f[1])); err != nil {
			continue
		}
		secret, err := hex.DecodeString(f[2])
		if err != nil || len(k.secrets) >= maxKeys && k.secrets[random] == nil {
			continue
		}
		if k.secrets == nil {
			k.secrets = map[[32]byte]map[string][]byte{}
		}
		if k.secrets[random] == nil {
			k.secrets[random] = map[string][]byte{}
		}
		k.secrets[random][f[0]] = secret
	}
}

// Len is the number of connections whose secrets are known.
func (k *KeyLog) Len() int { return len(k.secrets) }
