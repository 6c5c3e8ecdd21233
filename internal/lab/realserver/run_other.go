//go:build !linux

package realserver

import (
	"context"
	"errors"
	"runtime"
)

var errNotLinux = errors.New("servers run on Linux alone")

func supported() error { return &MissingError{"needs Linux, this is " + runtime.GOOS} }

func (s *Server) chooseAddress() error { return errNotLinux }

func (s *Server) run(context.Context, string) error { return errNotLinux }
