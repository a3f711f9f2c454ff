package main

import (
	"cmp"
	"errors"
	"fmt"
	"net"
	"os"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"atserver/server"
	"atserver/server/backup"
	"atserver/store/atkey"
)

// serveCmd takes its settings from flags, else from the environment: by our own
// names, or by those of the reference server for the settings that both have.
type serveCmd struct {
	AtSign string `name:"atsign" short:"a" aliases:"at_sign" required:"" env:"ATSERVER_ATSIGN" placeholder:"@alice" help:"AtSign to serve."`
	Listen string `default:":6464" env:"ATSERVER_LISTEN" placeholder:"HOST:PORT" help:"Address to listen on (${default})."`
	Port   int    `short:"p" aliases:"server_port" env:"ATSERVER_PORT" help:"Port to listen on, instead of --listen."`
	Name   string `default:"localhost" env:"ATSERVER_NAME" placeholder:"HOST" help:"Host name that clients reach the server by (${default})."`
	Data   string `env:"ATSERVER_DATA,secondaryStoragePath" placeholder:"DIR" help:"Data folder (${data}/ATSIGN)."`
	Root   string `name:"root-secret-file" env:"ATSERVER_ROOT_SECRET_FILE" placeholder:"FILE" help:"Secret that the data is encrypted under (root.secret in the data folder)."`

	CRAMSecretFile string `name:"cram-secret-file" env:"ATSERVER_CRAM_SECRET_FILE" placeholder:"FILE" help:"One-time secret for onboarding; without it the first start makes one."`
	SharedSecret   string `name:"shared-secret" short:"s" aliases:"shared_secret" placeholder:"SECRET" help:"The same as an argument, as the reference server takes it. Others on this machine can read it: prefer the file."`

	Cert  string `env:"ATSERVER_CERT,securityCertificateChainLocation" placeholder:"FILE" help:"Certificate chain, PEM; without it the server makes its own."`
	Key   string `env:"ATSERVER_KEY,securityPrivateKeyLocation" placeholder:"FILE" help:"Key of the certificate, PEM."`
	Trust string `env:"ATSERVER_TRUST,securityTrustedCertificateLocation" placeholder:"FILE" help:"Authorities to trust in the directory and other atServers, PEM (the system's)."`

	Directory        string `env:"ATSERVER_DIRECTORY" placeholder:"HOST:PORT" help:"AtDirectory (root.atsign.org:64)."`
	PeerCertificates bool   `name:"peer-certificates" negatable:"" default:"true" env:"ATSERVER_PEER_CERTIFICATES,clientCertificateRequired" help:"Demand a client certificate of other atServers."`
	PinPeerKeys      bool   `env:"ATSERVER_PIN_PEER_KEYS" help:"Keep the public key that another atSign was first met with until the owner deletes the copy of it."`
	PeerAddresses    string `name:"peer-addresses" default:"auto" enum:"auto,any,public" env:"ATSERVER_PEER_ADDRESSES" help:"Addresses that the directory may name: any, public ones only, or auto: local ones if it is in a local network itself."`
	MTLSCert         string `name:"mtls-cert" env:"ATSERVER_MTLS_CERT,securityCertificateChainLocationMtls" placeholder:"FILE" help:"Certificate chain to show to other atServers, PEM (--cert)."`
	MTLSKey          string `name:"mtls-key" env:"ATSERVER_MTLS_KEY,securityPrivateKeyLocationMtls" placeholder:"FILE" help:"Key of that certificate, PEM."`
	TestingMode      bool   `env:"ATSERVER_TESTING_MODE,testingMode" help:"For test suites only: CRAM stays usable."`
	LogLevel         string `env:"ATSERVER_LOG_LEVEL,logLevel" default:"info" help:"debug, info, warn or error."`
	Admin            string `env:"ATSERVER_ADMIN" placeholder:"HOST:PORT|unix:PATH" help:"Where the server is watched, on this machine only: health, metrics, log level, profiles (nowhere)."`

	MaxConnections           int   `env:"ATSERVER_MAX_CONNECTIONS,inbound_max_limit" help:"Connections at once (200, fewer in a small container)."`
	MaxPerAddress            int   `env:"ATSERVER_MAX_PER_ADDRESS" help:"Connections at once from one address (half of all)."`
	AnonymousIdleMs          int64 `env:"ATSERVER_ANONYMOUS_IDLE_MS,inbound_idletime_millis" default:"600000" help:"Silence that ends a connection, in ms."`
	OwnerIdleMs              int64 `env:"ATSERVER_OWNER_IDLE_MS,authenticated_inbound_idletime_millis" default:"600000" help:"The same once it has logged in."`
	LineBudgetMiB            int   `name:"line-budget-mib" env:"ATSERVER_LINE_BUDGET_MIB" help:"Memory for long commands, all connections together (32, less in a small container)."`
	SyncPage                 int   `env:"ATSERVER_SYNC_PAGE,syncPageLimit" default:"100" help:"Changes in an answer to sync:from that names no limit."`
	SyncBytes                int   `env:"ATSERVER_SYNC_BYTES,syncBufferSize" default:"5242880" help:"Size of such an answer."`
	AccessLogMinutes         int   `env:"ATSERVER_ACCESS_LOG_MINUTES,accessLogCompactionFrequencyMins" default:"15" help:"How often the oldest entries of the access log are removed."`
	AccessLogPercent         int   `env:"ATSERVER_ACCESS_LOG_PERCENT,accessLogCompactionPercentage" default:"30" help:"How many of them, in 100."`
	AccessLogDays            int   `env:"ATSERVER_ACCESS_LOG_DAYS,accessLogExpiryInDays" default:"15" help:"What is older goes, too."`
	NotificationMinutes      int   `env:"ATSERVER_NOTIFICATION_MINUTES,notificationExpiryInMins" default:"15" help:"How long a notification waits for its recipient unless it says so itself."`
	NotificationSweepMinutes int   `env:"ATSERVER_NOTIFICATION_SWEEP_MINUTES,notificationKeyStoreCompactionFrequencyMins" default:"5" help:"How often expired notifications are removed."`
	StatsSeconds             int   `env:"ATSERVER_STATS_SECONDS,statsNotificationJobTimeInterval" default:"15" help:"How often monitors are told of the newest change; -1 for never."`
	AutoNotify               bool  `negatable:"" default:"true" env:"ATSERVER_AUTO_NOTIFY,autoNotify" help:"Tell other atSigns when a record changes that is shared with them."`
	SweepMinutes             int   `env:"ATSERVER_SWEEP_MINUTES,expiringRunFreqMins" default:"1" help:"How often expired records are removed."`
	Training                 bool  `short:"t" hidden:"" help:"Start and end at once, as the reference server can."`
	MaxOutbound              int   `env:"ATSERVER_MAX_OUTBOUND,outbound_max_limit" default:"200" help:"Connections to other atServers at once."`
	OutboundIdleMs           int64 `env:"ATSERVER_OUTBOUND_IDLE_MS,outbound_idletime_millis" default:"599000" help:"Until an unused one of them is closed, in ms."`
}

// Run serves until a signal ends it.
func (c *serveCmd) Run() error {
	if tls := cmp.Or(os.Getenv("useTLS"), os.Getenv("useSSL")); tls != "" && !strings.EqualFold(tls, "true") {
		return errors.New("useTLS must be true: this server does not speak without TLS")
	}
	sign, err := atkey.ParseSign(c.AtSign)
	if err != nil {
		return err
	}
	log, level, err := newLog(c.LogLevel)
	if err != nil {
		return err
	}
	room := roomIn(containerLimit(os.DirFS("/")), 1)
	room.lineBudget = cmp.Or(c.LineBudgetMiB<<20, room.lineBudget)
	room.connections = cmp.Or(c.MaxConnections, room.connections)
	limitMemory(room.limit, room.lineBudget)
	if c.Data == "" {
		c.Data = filepath.Join(defaultData(), string(sign))
	}
	if err := os.MkdirAll(c.Data, 0o700); err != nil {
		return fmt.Errorf("data folder: %w", err)
	}
	if c.Port != 0 {
		c.Listen = net.JoinHostPort("", strconv.Itoa(c.Port))
	}
	listener, err := net.Listen("tcp", c.Listen)
	if err != nil {
		return err
	}
	defer listener.Close()
	var admin net.Listener
	if c.Admin != "" {
		if admin, err = server.ListenAdmin(c.Admin); err != nil {
			return err
		}
		defer admin.Close()
	}
	secret, err := c.secret()
	if err != nil {
		return err
	}
	handover := secretFile(filepath.Join(c.Data, backup.CRAMSecret))
	srv, err := server.New(server.Options{
		Sign: sign, Dir: c.Data, RootSecretFile: c.Root,
		CRAMSecret: secret, Onboarded: func() { handover.discard(log) },
		Deliver: func(secret string) error { return handover.deliver(sign, secret) },
		Name:    c.Name, CertFile: c.Cert, KeyFile: c.Key, TrustFile: c.Trust,
		Directory: c.directory(), PeerCertificates: c.PeerCertificates, TestingMode: c.TestingMode,
		MaxConnections: room.connections, MaxPerAddress: c.MaxPerAddress,
		AnonymousIdle: time.Duration(c.AnonymousIdleMs) * time.Millisecond,
		OwnerIdle:     time.Duration(c.OwnerIdleMs) * time.Millisecond,
		PinPeerKeys:   c.PinPeerKeys, PeerAddresses: c.PeerAddresses, MTLSCertFile: c.MTLSCert, MTLSKeyFile: c.MTLSKey,
		MaxOutbound: c.MaxOutbound, OutboundIdle: time.Duration(c.OutboundIdleMs) * time.Millisecond,
		SyncPage: c.SyncPage, SyncBytes: c.SyncBytes,
		NoAutoNotify: !c.AutoNotify, NotificationLife: time.Duration(c.NotificationMinutes) * time.Minute,
		NotificationSweepEvery: time.Duration(c.NotificationSweepMinutes) * time.Minute, StatsEvery: time.Duration(c.StatsSeconds) * time.Second,
		LineBudget: room.lineBudget, SweepEvery: time.Duration(c.SweepMinutes) * time.Minute,
		Log: log, LogLevel: level, Admin: admin,
	})
	if err != nil {
		return err
	}
	address := listener.Addr().String()
	if err := noteAddress(c.Data, address); err != nil {
		return errors.Join(err, srv.Close())
	}
	logMemory(log, room)
	fmt.Printf("%s is served at %s\n", sign, address)
	if admin != nil {
		fmt.Printf("it is watched at %s\n", admin.Addr())
	}
	if ca := srv.CAFile(); ca != "" {
		fmt.Printf("clients must trust %s\n", ca)
	}
	if secret == "" && srv.AwaitsOnboarding() {
		handover.remind()
	} else {
		handover.discard(log)
	}
	ctx, stop := untilSignal()
	defer stop()
	if c.Training {
		stop()
	}
	reload := make(chan os.Signal, 1)
	signal.Notify(reload, syscall.SIGHUP)
	go func() {
		for range reload {
			srv.ReloadCertificates()
		}
	}()
	log.Info().Str("atsign", string(sign)).Str("listen", address).Str("version", version()).Msg("Serving")
	err = srv.Run(ctx, listener)
	log.Info().Msg("Stopped")
	return err
}

// secret is the bootstrap secret that was given, "" if none was.
func (c *serveCmd) secret() (string, error) {
	if c.CRAMSecretFile == "" {
		return c.SharedSecret, nil
	}
	raw, err := os.ReadFile(c.CRAMSecretFile)
	if err != nil {
		return "", fmt.Errorf("CRAM secret: %w", err)
	}
	secret := strings.TrimSpace(string(raw))
	if secret == "" {
		return "", fmt.Errorf("CRAM secret: %s is empty", c.CRAMSecretFile)
	}
	return secret, nil
}

func (c *serveCmd) directory() string {
	host, proxied := strings.CutPrefix(cmp.Or(os.Getenv("rootServerUrl"), "root.atsign.org"), "proxy:")
	address := net.JoinHostPort(host, cmp.Or(os.Getenv("rootServerPort"), "64"))
	if proxied { // all servers are there
		address = "proxy:" + address
	}
	return cmp.Or(c.Directory, address)
}

// defaultData is where data folders are by default (XDG Base Directory).
func defaultData() string {
	if dir := os.Getenv("XDG_DATA_HOME"); dir != "" {
		return filepath.Join(dir, "atserver")
	}
	if home, err := os.UserHomeDir(); err == nil {
		return filepath.Join(home, ".local", "share", "atserver")
	}
	return "atserver-data"
}
