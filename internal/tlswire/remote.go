package tlswire

import (
	"errors"
	"net"
	"reflect"
)

// RemoteAlert finds an alert of the far end behind an error of crypto/tls, which keeps the type to itself: a uint8 inside a
// *net.OpError with Op "remote error". An alert that was encrypted can only be known this way.
func RemoteAlert(err error) (Alert, bool) {
	var op *net.OpError
	if !errors.As(err, &op) || op.Op != "remote error" || op.Err == nil {
		return Alert{}, false
	}
	v := reflect.ValueOf(op.Err)
	if v.Kind() != reflect.Uint8 {
		return Alert{Encrypted: true}, true
	}
	return Alert{Level: Fatal, Description: AlertDescription(v.Uint())}, true
}
