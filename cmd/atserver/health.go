package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"atserver/verbs/wire"
)

// healthCmd is for Docker's HEALTHCHECK and the like.
type healthCmd struct {
	operatorFlags
	Address   string        `env:"ATSERVER_HEALTH" placeholder:"HOST:PORT" help:"Server to ask (the one that uses the data folder)."`
	Directory bool          `xor:"what" help:"What is asked is a directory."`
	Ready     bool          `xor:"what" help:"Ask where the server is watched whether all of it works, and tell what does not."`
	Admin     string        `env:"ATSERVER_ADMIN" placeholder:"HOST:PORT|unix:PATH" help:"Where that is: what the server has as --admin."`
	Timeout   time.Duration `default:"5s" help:"How long to wait (${default})."`
}

// Run ends without an error when the server executes a command, or is ready.
func (c *healthCmd) Run() error {
	ctx, cancel := context.WithTimeout(context.Background(), c.Timeout)
	defer cancel()
	if c.Ready {
		if err := asksAdmin(ctx, c.Admin); err != nil {
			return fmt.Errorf("not ready: %w", err)
		}
		fmt.Println("ready")
		return nil
	}
	address := c.Address
	if address == "" {
		var err error
		if address, err = c.noted(); err != nil {
			return err
		}
	}
	ask := asksServer
	if c.Directory {
		ask = asksDirectory
	}
	// Nothing secret is said and nothing that is answered is believed but that
	// somebody answers, so it does not matter whose certificate it is.
	if err := ask(ctx, address, &tls.Config{InsecureSkipVerify: true}); err != nil {
		return fmt.Errorf("not healthy: %w", err)
	}
	fmt.Println("healthy")
	return nil
}

// asksServer wants a command executed.
func asksServer(ctx context.Context, address string, trust *tls.Config) error {
	conn, err := wire.Dial(ctx, address, trust)
	if err != nil {
		return err
	}
	defer conn.Close()
	answer, err := conn.Ask(ctx, "noop:0")
	if err != nil {
		return fmt.Errorf("%s: %w", address, err)
	}
	if answer != "ok" {
		return fmt.Errorf("%s answers %q", address, answer)
	}
	return nil
}

// asksDirectory wants to be told where an atSign is, or that there is none.
func asksDirectory(ctx context.Context, address string, trust *tls.Config) error {
	_, err := wire.LookupDirectory(ctx, address, trust, "@health")
	if errors.Is(err, wire.ErrNoAddress) {
		return nil
	}
	return err
}

// asksAdmin wants to hear that all of a server works. The error is what the server says does not.
func asksAdmin(ctx context.Context, address string) error {
	if address == "" {
		return errors.New("--admin or ATSERVER_ADMIN must say where the server is watched")
	}
	network, host := "tcp", address
	if path, ok := strings.CutPrefix(address, "unix:"); ok {
		network, address, host = "unix", path, "localhost"
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+host+"/readyz", nil)
	if err != nil {
		return err
	}
	answer, err := asking(network, address).Do(request)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	told, err := io.ReadAll(io.LimitReader(answer.Body, 64<<10))
	if err == nil && answer.StatusCode != http.StatusOK {
		err = errors.New(strings.TrimSpace(string(told)))
	}
	return err
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
	address, err := reachable(strings.TrimSpace(string(raw)))
	if err != nil {
		return "", fmt.Errorf("address in the data folder: %w", err)
	}
	return address, nil
}

// reachable is the address at which this machine reaches a listener.
func reachable(listen string) (string, error) {
	host, port, err := net.SplitHostPort(listen)
	if err != nil {
		return "", err
	}
	if ip := net.ParseIP(host); ip != nil && ip.IsUnspecified() {
		host = "127.0.0.1"
	}
	return net.JoinHostPort(host, port), nil
}
