package main

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"time"

	"atserver/verbs/wire"
)

// healthCmd is for Docker's HEALTHCHECK and the like.
type healthCmd struct {
	operatorFlags
	Address string        `env:"ATSERVER_HEALTH" placeholder:"HOST:PORT" help:"Server to ask (the one that uses the data folder)."`
	Timeout time.Duration `default:"5s" help:"How long to wait (${default})."`
}

// Run ends without an error when the server executes a command.
func (c *healthCmd) Run() error {
	address := c.Address
	if address == "" {
		var err error
		if address, err = c.noted(); err != nil {
			return err
		}
	}
	ctx, cancel := context.WithTimeout(context.Background(), c.Timeout)
	defer cancel()
	// Nothing secret is said and nothing that is answered is believed but that
	// somebody answers, so it does not matter whose certificate it is.
	conn, err := wire.Dial(ctx, address, &tls.Config{InsecureSkipVerify: true})
	if err != nil {
		return fmt.Errorf("not healthy: %w", err)
	}
	defer conn.Close()
	answer, err := conn.Ask(ctx, "noop:0")
	if err != nil {
		return fmt.Errorf("not healthy: %s: %w", address, err)
	}
	if answer != "ok" {
		return fmt.Errorf("not healthy: %s answers %q", address, answer)
	}
	fmt.Println("healthy")
	return nil
}

const addressFile = "listen"

// noteAddress leaves the address of a running server in its data folder.
func noteAddress(data, address string) error {
	return os.WriteFile(filepath.Join(data, addressFile), []byte(address+"\n"), 0o644)
}

// noted reads the address back, as this machine reaches it.
func (c *healthCmd) noted() (string, error) {
	data, err := c.folder()
	if err != nil {
		return "", err
	}
	raw, err := os.ReadFile(filepath.Join(data, addressFile))
	if err != nil {
		return "", fmt.Errorf("no server uses this data folder: %w", err)
	}
	host, port, err := net.SplitHostPort(strings.TrimSpace(string(raw)))
	if err != nil {
		return "", fmt.Errorf("address in the data folder: %w", err)
	}
	if ip := net.ParseIP(host); ip != nil && ip.IsUnspecified() {
		host = "127.0.0.1"
	}
	return net.JoinHostPort(host, port), nil
}
