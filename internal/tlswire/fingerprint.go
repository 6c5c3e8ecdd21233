package tlswire

import (
	"crypto/md5"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// ja3 is the MD5 of the JA3 text of a hello. MD5 is what JA3 is defined with; nothing rests on its strength.
func ja3(h *ClientHello) string {
	sum := md5.Sum([]byte(ja3Text(h)))
	return hex.EncodeToString(sum[:])
}

// ja3Text is version, cipher suites, extensions, groups and point formats in decimal, GREASE left out.
func ja3Text(h *ClientHello) string {
	points := make([]uint16, len(h.PointFormats))
	for i, p := range h.PointFormats {
		points[i] = uint16(p)
	}
	return strings.Join([]string{
		strconv.Itoa(int(h.Version)),
		dashed(withoutGREASE(h.Suites)),
		dashed(withoutGREASE(h.Extensions)),
		dashed(withoutGREASE(h.Groups)),
		dashed(points),
	}, ",")
}

func dashed[T ~uint16](ids []T) string {
	var b []byte
	for i, id := range ids {
		if i > 0 {
			b = append(b, '-')
		}
		b = strconv.AppendUint(b, uint64(id), 10)
	}
	return string(b)
}

// ja4 is the JA4 fingerprint of a TLS client over TCP: "t", version, SNI, counts and ALPN; then hashes of the sorted
// cipher suites, and of the sorted extensions with the signature algorithms in their order.
func ja4(h *ClientHello, firstALPN []byte) string {
	suites, extensions := withoutGREASE(h.Suites), withoutGREASE(h.Extensions)
	sni := "i"
	if slices.Contains(extensions, extServerName) {
		sni = "d"
	}
	return fmt.Sprintf("t%s%s%02d%02d%s_%s_%s", ja4Version(h), sni, min(len(suites), 99), min(len(extensions), 99),
		ja4ALPN(firstALPN), ja4Hash(hexSorted(suites)), ja4Hash(ja4Extensions(h, extensions)))
}

func ja4Version(h *ClientHello) string {
	v := h.Version
	if real := withoutGREASE(h.SupportedVersions); len(real) > 0 {
		v = slices.Max(real)
	}
	switch v {
	case SSLv2:
		return "s2"
	case SSLv3:
		return "s3"
	case TLS10, TLS11, TLS12, TLS13:
		return fmt.Sprintf("1%d", v-TLS10)
	}
	return "00"
}

// ja4ALPN is the first and last character of the first protocol; where either is no letter or digit, those of its
// hexadecimal form.
func ja4ALPN(p []byte) string {
	if len(p) == 0 {
		return "00"
	}
	text := string(p)
	if !alphanumeric(p[0]) || !alphanumeric(p[len(p)-1]) {
		text = hex.EncodeToString(p)
	}
	return text[:1] + text[len(text)-1:]
}

func alphanumeric(c byte) bool {
	return c >= '0' && c <= '9' || c >= 'A' && c <= 'Z' || c >= 'a' && c <= 'z'
}

func ja4Extensions(h *ClientHello, extensions []ExtensionID) string {
	hashed := slices.DeleteFunc(slices.Clone(extensions), func(e ExtensionID) bool {
		return e == extServerName || e == extALPN
	})
	text := hexSorted(hashed)
	if schemes := withoutGREASE(h.SignatureAlgorithms); len(schemes) > 0 {
		text += "_" + hexJoined(schemes)
	}
	return text
}

func hexSorted[T ~uint16](ids []T) string {
	sorted := slices.Clone(ids)
	slices.Sort(sorted)
	return hexJoined(sorted)
}

func hexJoined[T ~uint16](ids []T) string {
	parts := make([]string, len(ids))
	for i, id := range ids {
		parts[i] = fmt.Sprintf("%04x", uint16(id))
	}
	return strings.Join(parts, ",")
}

func ja4Hash(text string) string {
	if text == "" {
		return "000000000000"
	}
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:6])
}
