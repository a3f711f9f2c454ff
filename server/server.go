package server

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"atserver/enroll"
	"atserver/server/backup"
	"atserver/server/notify"
	"atserver/server/peer"
	"atserver/store"
	"atserver/verbs"
)

// Server answers for one atSign.
type Server struct {
	options Options
	db      *store.DB
	verbs   *verbs.Set
	env     *verbs.Env
	gate    *gate
	budget  *budget
	most    descriptors // connections of each sort
	turns   *turns
	hub     *notify.Hub
	outbox  *notify.Outbox
	expiry  *verbs.NotificationExpiry
	// strangersKeep is what connections that proved nothing leave of the budget.
	strangersKeep int64

	certificates *certificates
	shown        *certificates  // to other servers; mostly the same
	authority    *Authority     // nil when the certificate was given
	trust        *x509.CertPool // nil: the system's
	tls          *tls.Config

	resolver  *peer.Resolver
	peers     *peer.Pool // for what apps ask
	carriers  *peer.Pool // for notifications, which wait for nobody else
	refresher *refresher

	metrics     *metrics
	deaf        atomic.Pointer[error] // why no connections are taken, nil if they are
	connections sync.WaitGroup
	turnedAway  atomic.Int32 // connections being told that there is no place
	nextID      atomic.Uint64
	ended       [reasons]atomic.Int64 // connections that ended, by Reason

	stepping  sync.Mutex // one Step or reload at a time
	swept     time.Time  // of Step
	onboarded bool       // Onboarded was called

	// of Step: bytes that had been in use, by the Step before and when memory was given back
	usedBefore, freedAt int64
}

// Why no connections are taken before and after Run takes them.
var (
	errNotOpen  = errors.New("is not open yet")
	errStopping = errors.New("is closed: the server stops")
)

// maxTurnedAway is how many connections without a place may be told so at once.
const maxTurnedAway = 64

// New opens or makes everything that a server needs. Its errors are one line
// that says what to do; nothing is changed then.
func New(o Options) (*Server, error) {
	o = o.withDefaults()
	if err := o.check(); err != nil {
		return nil, err
	}
	d := countDescriptors()
	o = o.within(d)
	s := &Server{
		options: o, most: d, gate: newGate(o), turns: newTurns(o.LineBudget),
		budget: newBudget(o.LineBudget), strangersKeep: int64(o.LineBudget / 2),
		verbs: verbs.Standard(),
	}
	s.metrics = newMetrics(s.verbs.Names())
	s.hear(errNotOpen)
	var err error
	if s.trust, err = readTrust(o.TrustFile); err != nil {
		return nil, err
	}
	if o.CRAMSecret != "" {
		if err := enroll.CheckCRAMSecret(o.CRAMSecret); err != nil {
			return nil, err
		}
	}
	if err := s.takeCertificate(); err != nil {
		return nil, err
	}
	if err := s.openStore(); err != nil { // from here on the folder is ours
		return nil, err
	}
	if err := s.makeCertificate(); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	if s.shown == nil {
		s.shown = s.certificates
	}
	if s.hub, err = notify.NewHub(s.db, o.StatsEvery, verbs.AppendNotificationLine); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	s.tls = s.certificates.tlsConfig()
	registry, err := enroll.Open(s.db, enroll.Options{
		Sign: o.Sign, Now: o.Now, TestingMode: o.TestingMode,
		Ended: func([]string) { s.gate.end(s.acts) },
	})
	if err == nil {
		err = s.provideSecret(registry)
	}
	if err == nil {
		err = ensureSigningKeys(s.db, o.Sign)
	}
	if err != nil {
		return nil, errors.Join(err, s.Close())
	}
	s.openPeers()
	s.outbox = s.newOutbox()
	accesses := verbs.NewAccessLog(s.db, o.Now, verbs.AccessRetention{Every: o.AccessLogEvery, Percent: o.AccessLogPercent, Age: o.AccessLogAge})
	s.expiry = verbs.NewNotificationExpiry(s.db, o.Now, o.NotificationSweepEvery)
	s.env = &verbs.Env{
		Sign: o.Sign, DB: s.db, Registry: registry, Now: o.Now, Log: o.Log,
		Version: o.Version, Started: o.Now(), TestingMode: o.TestingMode,
		Settings: s.settings(accesses), NotificationLife: o.NotificationLife, Accesses: accesses, Horizons: verbs.NewHorizons(), Connections: s.gate.list,
		SyncPage: o.SyncPage, SyncBytes: o.SyncBytes,
		Peers: peers{s.peers}, Quotas: verbs.DefaultQuotas, PinPeerKeys: o.PinPeerKeys, ClientCert: s.clientCert,
	}
	s.refresher = newRefresher(s.env.Refresh, o.Log)
	s.metrics.registry.MustRegister(collector{s})
	if o.TestingMode {
		o.Log.Warn().Str(fieldSign, string(o.Sign)).
			Msg("TESTING MODE: the CRAM secret stays usable and may do everything. Do not use this server for anything but tests")
	}
	return s, nil
}

func (s *Server) openStore() (err error) {
	dir, root := "", s.options.RootSecretFile
	if s.options.Dir != "" {
		if err := backup.CheckFinished(s.options.Dir); err != nil {
			return err
		}
		dir = filepath.Join(s.options.Dir, backup.Store)
		if root == "" {
			root = filepath.Join(s.options.Dir, backup.RootSecret)
		}
	}
	s.db, err = store.Open(store.Options{
		Dir: dir, RootSecret: root, Sign: s.options.Sign, Now: s.options.Now, Log: s.options.Log,
		Notified: s.notified, Changed: s.changed, Committed: s.metrics.committed,
	})
	return err
}

// takeCertificate reads the certificates that were given, if any were.
func (s *Server) takeCertificate() (err error) {
	cert, key := s.options.CertFile, s.options.KeyFile
	if (cert == "") != (key == "") {
		return errors.New("a certificate and its key must be given together")
	}
	if cert != "" {
		if s.certificates, err = openCertificates(cert, key, s.options.Now, s.options.Log); err != nil {
			return err
		}
	}
	cert, key = s.options.MTLSCertFile, s.options.MTLSKeyFile
	if (cert == "") != (key == "") {
		return errors.New("a certificate for other servers and its key must be given together")
	}
	if cert != "" {
		s.shown, err = openCertificates(cert, key, s.options.Now, s.options.Log)
	}
	return err
}

// makeCertificate makes one where none was given.
func (s *Server) makeCertificate() (err error) {
	if s.certificates != nil {
		return nil
	}
	folder := filepath.Join(s.options.Dir, backup.TLS)
	if s.options.Dir == "" {
		if folder, err = os.MkdirTemp("", "atserver-tls-"); err != nil {
			return fmt.Errorf("certificate authority: %w", err)
		}
	}
	if s.authority, err = OpenAuthority(folder, s.options.Now()); err != nil {
		return err
	}
	if err := s.authority.Issue(s.options.Name, s.options.Now()); err != nil {
		return err
	}
	s.certificates, err = openCertificates(s.authority.CertFile(), s.authority.KeyFile(), s.options.Now, s.options.Log)
	return err
}

// provideSecret keeps the bootstrap secret that was given, or makes one if the
// server waits for its first onboarding without any.
func (s *Server) provideSecret(registry *enroll.Registry) error {
	if secret := s.options.CRAMSecret; secret != "" {
		return registry.SetCRAMSecret(secret)
	}
	if !registry.NeedsSecret() {
		return nil
	}
	if s.options.Deliver == nil {
		return errors.New("no CRAM secret given and nobody to hand a new one to")
	}
	secret := enroll.NewCRAMSecret()
	if err := s.options.Deliver(secret); err != nil {
		return fmt.Errorf("handing over the new CRAM secret: %w", err)
	}
	return registry.SetCRAMSecret(secret)
}

// AwaitsOnboarding reports whether the CRAM secret still lets somebody in.
func (s *Server) AwaitsOnboarding() bool { return s.env.Registry.AwaitsOnboarding() }

// CAFile is what clients must trust to reach this server, "" when a certificate
// was given.
func (s *Server) CAFile() string {
	if s.authority == nil {
		return ""
	}
	return s.authority.CAFile()
}

// ReloadCertificates reads the certificate again.
func (s *Server) ReloadCertificates() {
	s.stepping.Lock()
	defer s.stepping.Unlock()
	s.certificates.reload()
	if s.shown != s.certificates {
		s.shown.reload()
	}
}

// Run serves connections until ctx ends, then lets commands under way finish and
// closes the store. It closes the listener. A Server runs once.
func (s *Server) Run(ctx context.Context, l net.Listener) error {
	beside, end := context.WithCancel(ctx) // also when the listener fails
	defer end()
	var idle sync.WaitGroup
	idle.Go(func() { s.janitor(beside) })
	idle.Go(func() { s.hub.Run(beside) })
	idle.Go(func() { s.deliver(beside) })
	if s.options.Dir != "" {
		door, err := listenOperator(s.options.Dir)
		if err != nil { // a path too long for a socket, say; the owner is served all the same
			s.options.Log.Error().Err(err).Msg("Operator socket not opened")
		} else {
			idle.Go(func() { s.serveOperator(beside, door) })
		}
	}
	watch, unwatch := context.WithCancel(context.WithoutCancel(ctx)) // also while it stops
	defer unwatch()
	if door := s.options.Admin; door != nil {
		idle.Go(func() { s.serveAdmin(watch, door) })
	}
	unlisten := context.AfterFunc(ctx, func() { l.Close() })
	commands, abandon := context.WithCancel(context.WithoutCancel(ctx))
	s.hear(nil)
	err := s.accept(ctx, commands, l)
	s.hear(errStopping)
	unlisten()
	l.Close()
	end()
	s.drain(abandon)
	unwatch()
	idle.Wait()
	return errors.Join(err, s.Close())
}

// Close closes the store of a server that does not run.
func (s *Server) Close() error {
	s.closePeers()
	if s.authority != nil && s.options.Dir == "" {
		os.RemoveAll(filepath.Dir(s.authority.CAFile()))
	}
	return s.db.Close()
}

// accept serves until ctx ends. What fails for a moment, as when descriptors run
// out, is tried again, slower each time.
func (s *Server) accept(ctx, commands context.Context, l net.Listener) error {
	wait := time.Duration(0)
	for {
		raw, err := l.Accept()
		switch {
		case ctx.Err() != nil:
			if err == nil {
				raw.Close()
			}
			return nil
		case errors.Is(err, net.ErrClosed):
			return err
		case err != nil:
			wait = min(max(2*wait, 5*time.Millisecond), time.Second)
			s.hear(err)
			s.options.Log.Error().Err(err).Msg("Accept failed")
			timer := time.NewTimer(wait)
			select {
			case <-timer.C:
			case <-ctx.Done():
			}
			timer.Stop()
			continue
		}
		if wait > 0 {
			wait = 0
			s.hear(nil)
		}
		s.start(ctx, commands, raw)
	}
}

// start serves one connection on a goroutine of its own: until commands ends, or
// only until ctx does when there is no place for it.
func (s *Server) start(ctx, commands context.Context, raw net.Conn) {
	now := s.options.Now()
	from, _, err := net.SplitHostPort(raw.RemoteAddr().String())
	if err != nil {
		from = raw.RemoteAddr().String()
	}
	c := &conn{srv: s, id: s.nextID.Add(1), from: from, since: now, raw: raw}
	c.kind.Store(uint32(enroll.Anonymous))
	c.active.Store(now.UnixMilli())
	c.out.gathered = gatherer{Conn: raw}
	c.tls = tls.Server(&c.out.gathered, s.tls)
	c.out.tls, c.out.total = c.tls, s.metrics.sent
	if c.ctx, c.end = context.WithCancel(commands); s.gate.enter(c, now) {
		s.connections.Go(c.serve)
		return
	}
	if int(s.turnedAway.Add(1)) > min(maxTurnedAway, s.most.turnedAway) {
		s.turnedAway.Add(-1)
		s.ended[Full].Add(1)
		c.cut(Full)
		return
	}
	s.connections.Go(func() {
		defer s.turnedAway.Add(-1)
		defer context.AfterFunc(ctx, c.end)()
		c.turnAway()
	})
}

// drain ends all connections: those that wait at once, those that execute a
// command after it, at the latest when drainTimeout is over.
func (s *Server) drain(abandon context.CancelFunc) {
	defer abandon()
	s.gate.close()
	done := make(chan struct{})
	go func() {
		s.connections.Wait()
		close(done)
	}()
	late := time.NewTimer(drainTimeout)
	defer late.Stop()
	select {
	case <-done:
		return
	case <-late.C:
	}
	abandon()
	s.gate.cutAll()
	<-done
}

// shareOf is the part of the memory for long commands that a kind may use:
// strangers leave half of it to those who have logged in.
func (s *Server) shareOf(kind enroll.Kind) share {
	if kind == enroll.Anonymous {
		return share{s.budget, s.strangersKeep}
	}
	return share{s.budget, 0}
}
