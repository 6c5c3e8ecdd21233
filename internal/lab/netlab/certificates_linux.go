package netlab

import (
	"bytes"
	"os"
)

// writeCertificates writes the files that programs of a case may name, and the device's own roots.
func (l *Lab) writeCertificates() error {
	public, err := newAuthority("netlab public root")
	if err != nil {
		return err
	}
	name := l.Case.Trusts
	if name == "" {
		name = inspectionName
	}
	inspection, err := newAuthority(name)
	if err != nil {
		return err
	}
	l.pem = append(l.pem, public.certPEM()...)
	names := []string{mailHost, submitHost, mxHost, "smtp.gmail.com"}
	cert, key, err := public.issue(names)
	if err != nil {
		return err
	}
	forged, forgedKey, err := inspection.issue(names)
	if err != nil {
		return err
	}
	inspectionKey, err := inspection.keyPEM()
	if err != nil {
		return err
	}
	var trust []byte
	if l.Case.Trusts != "" {
		trust = inspection.certPEM()
	}
	l.trust = l.path("device-roots.pem")
	for file, parts := range map[string][][]byte{
		"cert.pem": {cert}, "key.pem": {key}, "both.pem": {cert, key},
		"forged.pem": {forged}, "forged.key": {forgedKey}, "forged-both.pem": {forged, forgedKey},
		"inspection.pem": {inspection.certPEM()}, "inspection.key": {inspectionKey}, "device-roots.pem": {trust},
	} {
		if err := os.WriteFile(l.path(file), bytes.Join(parts, nil), 0o644); err != nil {
			return err
		}
	}
	return nil
}
