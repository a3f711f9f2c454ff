package verbs

import (
	"context"
	"strings"
	"time"

	"atserver/enroll"
	"atserver/store/atkey"
)

// polTimeout bounds the verification: whoever waits for it gives up after 10 s.
const polTimeout = 8 * time.Second

// pol proves to be the server of the atSign that from named: the signature over the
// challenge, and the key that it must fit, are looked up at the server that the
// directory names for that atSign.
var pol = define(
	Verb{Name: "pol", Usage: "pol", Bare: true, Who: enroll.Anyone, Slow: always, Alone: true},
	func(l *line) (none struct{}, err error) {
		if !l.end() {
			return none, errSyntax
		}
		return none, nil
	},
	nothing[struct{}],
	func(c *Call, _ struct{}) (Reply, error) {
		peer := c.claimed
		if peer == "" {
			return Reply{}, &Error{Code: "AT0011", Close: true,
				Message: "Exception: You must execute a 'from:' command before you may run the pol command"}
		}
		text, err := c.peer.Take(c.Now())
		if err != nil {
			return Reply{}, c.failed(notAuthenticated("Pol Authentication Failed"))
		}
		if err := c.verify(peer, text); err != nil {
			return Reply{}, err
		}
		c.Principal = enroll.Principal{Kind: enroll.Peer, Sign: peer}
		c.Accesses.note(peer, "pol", "")
		return Reply{Prompt: true}, nil
	},
)

// verify asks the peer's server for the signature over a challenge, and checks it.
func (c *Call) verify(peer atkey.Sign, challenge string) error {
	ctx, cancel := context.WithTimeout(c, polTimeout)
	defer cancel()
	signature, err := c.Peers.Ask(ctx, peer, false, "lookup:"+c.ID+string(peer))
	if err != nil {
		return err
	}
	key, err := c.Peers.Ask(ctx, peer, false, "lookup:signing_publickey"+string(peer))
	if err != nil {
		return err
	}
	for _, value := range []string{signature, key} {
		if value == "" || value == "null" {
			return &Error{Code: "AT0011", Message: "Exception: Unable to verify signature", Close: true}
		}
	}
	_, challenge, _ = strings.Cut(challenge, ":") // without the session
	public, err := enroll.ParsePublicKey(enroll.RSA2048, strings.TrimSpace(key))
	if err != nil || public.Verify("", challenge, strings.TrimSpace(signature)) != nil {
		return c.failed(notAuthenticated("Pol Authentication Failed"))
	}
	return nil
}
