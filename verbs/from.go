package verbs

import (
	"encoding/json"
	"strconv"
	"strings"

	"atserver/enroll"
	"atserver/store/atkey"
)

type fromArgs struct {
	sign   string
	client string // JSON, "" if not given
}

// from says who is calling and fetches the challenge by which that is proved:
// "from:[@]sign[:clientConfig:{...}]".
var from = define(
	Verb{Name: "from", Usage: "e.g. from:@alice", Who: enroll.Anyone, Slow: always, Alone: true},
	func(l *line) (a fromArgs, err error) {
		if !l.take(":") {
			return a, errSyntax
		}
		l.take("@")
		var configured bool
		a.sign, a.client, configured = strings.Cut(l.all(), ":")
		if configured {
			config := line{rest: a.client}
			if !config.take("clientConfig:") || len(config.rest) < 3 || config.rest[0] != '{' || !strings.HasSuffix(config.rest, "}") {
				return a, errSyntax
			}
			a.client = config.rest
		}
		if a.sign == "" || strings.ContainsFunc(a.sign, isBreak) {
			return a, errSyntax
		}
		return a, nil
	},
	nothing[fromArgs],
	func(c *Call, a fromArgs) (Reply, error) {
		if a.client != "" {
			json, err := readsJSON(a.client)
			if err != nil {
				return Reply{}, err
			}
			c.jsonError = json
		}
		sign, err := atkey.ParseSign(a.sign)
		if err != nil {
			return Reply{}, err
		}
		if c.Registry.IsBlocked(sign) {
			return Reply{}, &Error{Code: "AT0013", Message: "Unable to connect", Close: true}
		}
		if sign == c.Env.Sign {
			c.own = enroll.NewChallenge(c.ID, sign, c.Now())
			c.Accesses.note(sign, "from", "")
			return text(c.own.Text()), nil
		}
		if c.CheckPeer != nil {
			if err := c.CheckPeer(c, sign); err != nil {
				return Reply{}, err
			}
		}
		challenge, err := enroll.NewPeerChallenge(c.ID, sign, c.Env.Sign, c.Now())
		if err != nil {
			return Reply{}, err
		}
		c.claimed, c.peer = sign, challenge
		c.Accesses.note(sign, "from", "")
		return text("proof:" + c.peer.Text()), nil
	},
)

// readsJSON tells from a client's configuration whether it reads errors as JSON:
// its version is above 3.0.37. A version that is none counts as an old one.
func readsJSON(config string) (bool, error) {
	var client struct {
		Version any `json:"version"`
	}
	if err := json.Unmarshal([]byte(config), &client); err != nil {
		return false, malformed("clientConfig")
	}
	version, _ := client.Version.(string)
	version, _, _ = strings.Cut(version, "+")
	version, _, _ = strings.Cut(version, "-")
	parts := strings.Split(version, ".")
	if len(parts) != 3 {
		return false, nil
	}
	for i, than := range []int{3, 0, 37} {
		n, err := strconv.Atoi(parts[i])
		if err != nil || n < 0 {
			return false, nil
		}
		if n != than {
			return n > than, nil
		}
	}
	return false, nil
}
