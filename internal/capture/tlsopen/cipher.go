package tlsopen

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/binary"
	"hash"

	"golang.org/x/crypto/chacha20poly1305"

	"github.com/smtptriage/smtptriage/internal/tlswire"
)

// A suite is what a cipher suite needs to be opened.
type suite struct {
	key    int // octets
	hash   func() hash.Hash
	chacha bool
}

var (
	gcm128 = suite{16, sha256.New, false}
	gcm256 = suite{32, sha512.New384, false}
	chacha = suite{32, sha256.New, true}
)

// suites are those that can be opened, by their number.
var suites = map[tlswire.CipherSuite]suite{
	0x1301: gcm128, 0x1302: gcm256, 0x1303: chacha, // TLS 1.3
	0x009c: gcm128, 0x009d: gcm256, 0x009e: gcm128, 0x009f: gcm256, // RSA and DHE (RFC 5288)
	0xc02b: gcm128, 0xc02c: gcm256, 0xc02f: gcm128, 0xc030: gcm256, // ECDHE (RFC 5289)
	0xcca8: chacha, 0xcca9: chacha, 0xccaa: chacha, // RFC 7905
}

// keys open the records of one direction, in order.
type keys struct {
	aead     cipher.AEAD
	iv       []byte // 12 octets, or 4 before an explicit nonce of 8
	seq      uint64
	tls13    bool
	explicit bool
	suite    suite
	secret   []byte // of TLS 1.3: for a key update
}

func newAEAD(s suite, key []byte) (cipher.AEAD, error) {
	if s.chacha {
		return chacha20poly1305.New(key)
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	return cipher.NewGCM(block)
}

// keys13 derives the keys of a traffic secret (RFC 8446, section 7.3).
func keys13(s suite, secret []byte) (*keys, error) {
	key, err := expandLabel(s, secret, "key", s.key)
	if err != nil {
		return nil, err
	}
	iv, err := expandLabel(s, secret, "iv", 12)
	if err != nil {
		return nil, err
	}
	aead, err := newAEAD(s, key)
	return &keys{aead: aead, iv: iv, tls13: true, suite: s, secret: secret}, err
}

// next are the keys after a key update (RFC 8446, section 7.2).
func (k *keys) next() (*keys, error) {
	secret, err := expandLabel(k.suite, k.secret, "traffic upd", len(k.secret))
	if err != nil {
		return nil, err
	}
	return keys13(k.suite, secret)
}

// expandLabel is HKDF-Expand-Label with an empty context (RFC 8446, section 7.1).
func expandLabel(s suite, secret []byte, label string, n int) ([]byte, error) {
	info := binary.BigEndian.AppendUint16(nil, uint16(n))
	info = append(append(append(info, byte(6+len(label))), "tls13 "+label...), 0)
	return hkdf.Expand(s.hash, secret, string(info), n)
}

// keys12 derives the keys of both directions from the master secret (RFC 5246, section 6.3).
func keys12(s suite, master []byte, client, server [32]byte) (out [2]*keys, err error) {
	iv := 4
	if s.chacha {
		iv = 12
	}
	seed := append(append([]byte("key expansion"), server[:]...), client[:]...)
	block := prf(s.hash, master, seed, 2*(s.key+iv))
	for i := range out {
		aead, err := newAEAD(s, block[i*s.key:(i+1)*s.key])
		if err != nil {
			return out, err
		}
		at := 2*s.key + i*iv
		out[i] = &keys{aead: aead, iv: block[at : at+iv], explicit: !s.chacha, suite: s}
	}
	return out, nil
}

// prf is P_hash (RFC 5246, section 5).
func prf(h func() hash.Hash, secret, seed []byte, n int) []byte {
	mac := func(parts ...[]byte) []byte {
		m := hmac.New(h, secret)
		for _, p := range parts {
			m.Write(p)
		}
		return m.Sum(nil)
	}
	var out []byte
	for a := mac(seed); len(out) < n; a = mac(a) {
		out = append(out, mac(a, seed)...)
	}
	return out[:n]
}

// open opens one record. Of TLS 1.3 it returns the type that was hidden inside.
func (k *keys) open(r tlswire.Record) (kind tlswire.ContentType, plain []byte, ok bool) {
	sealed, nonce := r.Fragment, make([]byte, 12)
	if k.explicit {
		if len(sealed) < 8+k.aead.Overhead() {
			return 0, nil, false
		}
		copy(nonce, k.iv)
		copy(nonce[4:], sealed[:8])
		sealed = sealed[8:]
	} else {
		binary.BigEndian.PutUint64(nonce[4:], k.seq)
		for i := range nonce {
			nonce[i] ^= k.iv[i]
		}
	}
	if len(sealed) < k.aead.Overhead() {
		return 0, nil, false
	}
	head := []byte{byte(r.Type), byte(r.Version >> 8), byte(r.Version)}
	size := len(sealed)
	if !k.tls13 {
		head = append(binary.BigEndian.AppendUint64(nil, k.seq), head...)
		size -= k.aead.Overhead()
	}
	head = binary.BigEndian.AppendUint16(head, uint16(size))
	plain, err := k.aead.Open(nil, nonce, sealed, head)
	if err != nil {
		return 0, nil, false
	}
	k.seq++
	if !k.tls13 {
		return r.Type, plain, true
	}
	for n := len(plain) - 1; n >= 0; n-- { // zeroes behind the type are padding
		if plain[n] != 0 {
			return tlswire.ContentType(plain[n]), plain[:n], true
		}
	}
	return 0, nil, false
}
