package atauth

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"os"
	"strings"

	"atserver/store/atkey"
	"atserver/verbs/wire"
)

// clientVersion is sent with from. It says which protocol we speak: from 3.0.38 on
// errors come as JSON, in which their text is whole.
const clientVersion = "3.16.0"

// ErrChallenge means that the server asked for a signature of something that is no
// challenge for this atSign. Nothing was signed.
var ErrChallenge = errors.New("the server sent no proper challenge")

// Options say where the server of an atSign is and what makes it trusted.
type Options struct {
	Sign      atkey.Sign
	Server    string // host:port of the atServer; empty: the directory knows
	Directory string // host:port of the directory, used only without Server
	CAFile    string // PEM; certificates that vouch for both; empty: those of the system
}

// Client is a connection to the atServer of one atSign. One goroutine uses it at a
// time.
type Client struct {
	*wire.Conn
	Sign atkey.Sign
}

// Dial finds the atServer and connects to it. Its certificate must be valid for the
// host that was dialled; there is no way around that.
func Dial(ctx context.Context, o Options) (*Client, error) {
	cfg, err := o.tls()
	if err != nil {
		return nil, err
	}
	addr := o.Server
	if addr == "" {
		if addr, err = wire.LookupDirectory(ctx, o.Directory, cfg, string(o.Sign)); err != nil {
			return nil, fmt.Errorf("find the server of %s: %w", o.Sign, err)
		}
	}
	conn, err := wire.Dial(ctx, addr, cfg)
	if err != nil {
		return nil, err
	}
	return &Client{conn, o.Sign}, nil
}

func (o Options) tls() (*tls.Config, error) {
	cfg := new(tls.Config)
	if o.CAFile == "" {
		return cfg, nil
	}
	pem, err := os.ReadFile(o.CAFile)
	if err != nil {
		return nil, err
	}
	cfg.RootCAs = x509.NewCertPool()
	if !cfg.RootCAs.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("%s holds no PEM certificate", o.CAFile)
	}
	return cfg, nil
}

// Authenticate logs in as the enrollment of the keys, or with the legacy key of the
// atSign if they name none. It may be tried again on the same connection.
func (c *Client) Authenticate(ctx context.Context, k Keys) error {
	challenge, err := c.challenge(ctx)
	if err != nil {
		return err
	}
	signature, err := sign(k.PKAM, challenge)
	if err != nil {
		return err
	}
	line := "pkam:" + signature
	if k.Enrollment != "" {
		line = "pkam:signingAlgo:rsa2048:hashingAlgo:sha256:enrollmentId:" + k.Enrollment + ":" + signature
	}
	err = c.expect(ctx, "log in", line, "success")
	if refusal(err) == "Too Many Requests" { // of the two meanings of the code the one that can be here
		err = fmt.Errorf("log in: %w", ErrExpired)
	}
	return err
}

// challenge claims the atSign and returns what is to be signed. Its form is
// checked, for a client that signs whatever it is sent can be made to sign a
// statement that it never meant.
func (c *Client) challenge(ctx context.Context) (string, error) {
	text, err := c.Ask(ctx, fmt.Sprintf(`from:%s:clientConfig:{"version":%q}`, c.Sign, clientVersion))
	if err != nil {
		return "", fmt.Errorf("claim %s: %w", c.Sign, err)
	}
	session, nonce, found := strings.Cut(text, string(c.Sign)+":")
	if !found || !strings.HasPrefix(session, "_") || nonce == "" || len(text) > 256 {
		return "", ErrChallenge
	}
	return text, nil
}

// expect asks and accepts one answer only.
func (c *Client) expect(ctx context.Context, attempt, line, want string) error {
	reply, err := c.Ask(ctx, line)
	if err != nil {
		return fmt.Errorf("%s: %w", attempt, err)
	}
	if reply != want {
		return fmt.Errorf("%s: %w", attempt, wire.ErrUnexpected)
	}
	return nil
}

// NotFound reports whether the server said that a record does not exist.
func NotFound(err error) bool { return refusal(err) == "key not found" }

// Refused reports whether the server would not let us: the proof failed, the
// enrollment is not (or no more) approved, or it lacks the right.
func Refused(err error) bool {
	for _, ended := range []error{ErrPasscode, ErrDenied, ErrRevoked, ErrExpired} {
		if errors.Is(err, ended) {
			return true
		}
	}
	switch refusal(err) {
	case "Client authentication failed", "UnAuthorized client in request", "Apkam Auth Denied",
		"Apkam Auth Failed", "Apkam Access Revoked", "Apkam Enrollment Expired":
		return true
	}
	return false
}

// refusal returns what the protocol's table calls an error reply.
func refusal(err error) string {
	var reply *wire.Error
	if errors.As(err, &reply) {
		return wire.Text(reply.Code)
	}
	return ""
}
