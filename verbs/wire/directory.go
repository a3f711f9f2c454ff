package wire

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"strconv"
	"strings"
)

// ErrNoAddress means that the directory does not know the atSign.
var ErrNoAddress = errors.New("atSign is not in the directory")

// LookupDirectory asks the atDirectory at addr for the address of sign, with or without its "@", and returns it as
// "host:port". An unknown atSign is ErrNoAddress.
func LookupDirectory(ctx context.Context, addr string, cfg *tls.Config, sign string) (string, error) {
	c, err := Dial(ctx, addr, cfg)
	if err != nil {
		return "", fmt.Errorf("directory: %w", err)
	}
	defer c.Close()
	return c.Address(ctx, sign)
}

// Address is LookupDirectory on a connection to an atDirectory.
func (c *Conn) Address(ctx context.Context, sign string) (string, error) {
	reply, err := c.ask(ctx, strings.TrimPrefix(sign, "@"), false)
	if err != nil {
		return "", fmt.Errorf("directory: %w", err)
	}
	address := strings.TrimSpace(strings.TrimLeft(reply, "@"))
	if address == "null" {
		return "", ErrNoAddress
	}
	if err := CheckAddress(address); err != nil {
		return "", fmt.Errorf("directory: %w", err)
	}
	return address, nil
}

// CheckAddress tells whether s has the form "host:port" of a directory's entries: a DNS name or an IPv4 address, which
// is all that clients take, and a port from 1 to 65535.
func CheckAddress(s string) error {
	host, port, err := net.SplitHostPort(s)
	if err != nil || host == "" || strings.Trim(host, hostBytes) != "" {
		return fmt.Errorf("address %.80q is not of the form host:port", s)
	}
	if n, err := strconv.ParseUint(port, 10, 16); err != nil || n == 0 {
		return fmt.Errorf("address %.80q has no port from 1 to 65535", s)
	}
	return nil
}

const hostBytes = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._"
