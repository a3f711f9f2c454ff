package main

import (
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"

	"github.com/rs/zerolog"

	"atserver/server/directory"
	"atserver/store/atkey"
)

// directoryCmd runs an atDirectory: it tells where the server of an atSign is.
type directoryCmd struct {
	Listen  string   `default:":64" env:"ATSERVER_DIRECTORY_LISTEN" placeholder:"HOST:PORT" help:"Address to listen on (${default})."`
	Entry   []string `sep:"none" placeholder:"@alice=HOST:PORT" help:"An atSign and the address of its server. May be repeated."`
	Entries string   `env:"ATSERVER_DIRECTORY_ENTRIES" placeholder:"FILE" help:"File of such entries, one a line. It is reread when it changes."`
	Cert    string   `env:"ATSERVER_DIRECTORY_CERT" placeholder:"FILE" help:"Certificate chain, PEM; without it the directory makes its own."`
	Key     string   `env:"ATSERVER_DIRECTORY_KEY" placeholder:"FILE" help:"Key of the certificate, PEM."`
	Name    string   `default:"localhost" env:"ATSERVER_DIRECTORY_NAME" placeholder:"HOST" help:"Host name for a certificate of its own making (${default})."`
	Data    string   `env:"ATSERVER_DIRECTORY_DATA" placeholder:"DIR" help:"Folder for a certificate of its own making (${data}/directory)."`

	LogLevel string `env:"ATSERVER_LOG_LEVEL,logLevel" default:"info" help:"debug, info, warn or error."`
}

// Run serves until a signal ends it.
func (c *directoryCmd) Run() error {
	log, _, err := newLog(c.LogLevel)
	if err != nil {
		return err
	}
	limitMemory(containerLimit(os.DirFS("/")), 0)
	entries := map[atkey.Sign]string{}
	for _, entry := range c.Entry {
		name, address, ok := strings.Cut(entry, "=")
		if !ok {
			return fmt.Errorf("entry %q is not of the form @alice=HOST:PORT", entry)
		}
		sign, err := atkey.ParseSign(name)
		if err != nil {
			return fmt.Errorf("entry %q: %w", entry, err)
		}
		entries[sign] = address
	}
	certificate, err := c.certificate(log)
	if err != nil {
		return err
	}
	dir, err := directory.New(directory.Options{
		Entries: entries, EntriesFile: c.Entries, Log: log,
		TLS: certificate.tls(),
	})
	if err != nil {
		return err
	}
	listener, err := net.Listen("tcp", c.Listen)
	if err != nil {
		return err
	}
	if c.Data != "" {
		if err := noteAddress(c.Data, listener.Addr().String()); err != nil {
			return err
		}
	}
	ctx, stop := untilSignal()
	defer stop()
	fmt.Printf("the directory answers at %s\n", listener.Addr())
	return dir.Run(ctx, listener)
}

// certificate reads the given one, or makes one.
func (c *directoryCmd) certificate(log zerolog.Logger) (*certificate, error) {
	if (c.Cert == "") != (c.Key == "") {
		return nil, errors.New("a certificate and its key must be given together")
	}
	if c.Cert != "" {
		return openCertificate(c.Cert, c.Key, log)
	}
	if c.Data == "" {
		c.Data = filepath.Join(defaultData(), "directory")
	}
	if err := os.MkdirAll(c.Data, 0o700); err != nil {
		return nil, fmt.Errorf("data folder: %w", err)
	}
	made, err := makeCertificate(filepath.Join(c.Data, "tls"), c.Name, log)
	if err != nil {
		return nil, err
	}
	fmt.Printf("clients must trust %s\n", made.authority.CAFile())
	return made, nil
}
