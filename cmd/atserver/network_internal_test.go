package main

import (
	"context"
	"maps"
	"net"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rs/zerolog"

	"atserver/store/atkey"
)

func TestNetworkLayout(t *testing.T) {
	port := func(n int) *int { return &n }
	for name, test := range map[string]struct {
		cmd   networkUpCmd
		host  string
		door  int
		ports map[atkey.Sign]int // some of them
		count int
	}{
		"default":   {networkUpCmd{AtSign: []string{"@alice", "bob"}}, "localhost", 6400, map[atkey.Sign]int{"@alice": 6401, "@bob": 6402}, 2},
		"base port": {networkUpCmd{AtSign: []string{"@alice", "@bob"}, BasePort: port(1024)}, "localhost", 1024, map[atkey.Sign]int{"@bob": 1026}, 2},
		"any ports": {networkUpCmd{AtSign: []string{"@alice", "@bob"}, BasePort: port(0), Name: "x.test"}, "x.test", 0, map[atkey.Sign]int{"@alice": 0, "@bob": 0}, 2},
		"virtual environment": {networkUpCmd{VirtualEnvironment: true}, "vip.ve.atsign.zone", 64,
			map[atkey.Sign]int{"@alice🛠": 25000, "@emoji🦄🛠": 25009, "@sitaram🛠": 25017, "@srie": 25018, "@sachin": 25019}, 20},
		"virtual environment of one's own": {networkUpCmd{VirtualEnvironment: true, AtSign: []string{"@x"}, Name: "localhost"}, "localhost", 64,
			map[atkey.Sign]int{"@x": 25000}, 1},
	} {
		t.Run(name, func(t *testing.T) {
			host, door, first, err := test.cmd.layout()
			if err != nil || host != test.host || door != test.door {
				t.Errorf("got %s:%d, %v", host, door, err)
			}
			members, err := test.cmd.members(first)
			if err != nil || len(members) != test.count {
				t.Fatalf("got %d members, %v", len(members), err)
			}
			for _, m := range members {
				if want, ok := test.ports[m.sign]; ok && m.port != want {
					t.Errorf("%s: port %d, want %d", m.sign, m.port, want)
				}
				delete(test.ports, m.sign)
			}
			if len(test.ports) != 0 {
				t.Errorf("missing: %v", test.ports)
			}
		})
	}
}

func TestParseSecrets(t *testing.T) {
	signs := []atkey.Sign{"@alice", "@bob"}
	for _, test := range []struct {
		text string
		want map[atkey.Sign]string
		err  string
	}{
		{"", nil, ""},
		{"# none\n\n", nil, ""},
		{"@bob:s2\r\n@Al.Ice: s1 \n", map[atkey.Sign]string{"@alice": "s1", "@bob": "s2"}, ""},
		{"@alice:a:b", map[atkey.Sign]string{"@alice": "a:b"}, ""},
		{"s1\n\n# second\ns2:3\n", map[atkey.Sign]string{"@alice": "s1", "@bob": "s2:3"}, ""},
		{"@s1", map[atkey.Sign]string{"@alice": "@s1"}, ""},
		{"s1\ns2\ns3\n", nil, "line 3: more secrets"},
		{"s1\n@bob:s2\n", nil, "line 2: an atSign is named"},
		{"@bob:s2\ns1\ns1\n", nil, "line 3: a second secret of @bob"},
		{"\n@carol:s3\n", nil, "line 2: no atSign of this network"},
		{"@a@b:s3\n", nil, "line 1: no atSign of this network"},
		{"@bob:s1\n@bob:s2\n", nil, "line 2: a second secret of @bob"},
		{"@bob:\n", nil, "line 1: no secret"},
	} {
		got, err := parseSecrets(test.text, signs)
		if (err == nil) != (test.err == "") || err != nil && !strings.HasPrefix(err.Error(), test.err) || !maps.Equal(got, test.want) {
			t.Errorf("%q: got %v, %v; want %v, %q", test.text, got, err, test.want, test.err)
		}
	}
}

// What ends one part of a network ends all of it, and is said.
func TestNetworkFallsTogether(t *testing.T) {
	for want, fault := range map[string]func(*network){
		"@bob: ":     func(n *network) { n.members[1].listener.Close() },
		"directory:": func(n *network) { n.door.Close() },
	} {
		t.Run(want, func(t *testing.T) {
			free := 0
			cmd := networkUpCmd{AtSign: []string{"@alice", "@bob"}, BasePort: &free}
			members, err := cmd.members(0)
			if err != nil {
				t.Fatal(err)
			}
			n := &network{name: "localhost", members: members, log: zerolog.Nop()}
			defer n.close()
			for _, m := range members {
				m.secret = strings.Repeat("0123456789abcdef", 4)
			}
			folder := filepath.Join(t.TempDir(), "net")
			for _, err := range []error{n.listen("127.0.0.1", 0), n.settle(folder), n.open(t.Context(), "")} {
				if err != nil {
					t.Fatal(err)
				}
			}
			err = n.run(t.Context(), func() error {
				fault(n)
				return nil
			})
			if err == nil || !strings.HasPrefix(err.Error(), want) || strings.Contains(err.Error(), "\n") {
				t.Errorf("got %v", err)
			}
			for _, l := range []net.Listener{n.door, members[0].listener, members[1].listener} {
				if conn, err := net.Dial("tcp", l.Addr().String()); err == nil {
					conn.Close()
					t.Errorf("%s still listens", l.Addr())
				}
			}
		})
	}
}

// A network that is told to end before it is ready ends in order.
func TestNetworkEndsEarly(t *testing.T) {
	n := &network{name: "localhost", members: []*member{{sign: "@alice"}}, log: zerolog.Nop()}
	defer n.close()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for _, err := range []error{n.listen("127.0.0.1", 0), n.settle(""), n.open(ctx, "")} {
		if err != nil {
			t.Fatal(err)
		}
	}
	if n.members[0].server != nil {
		t.Error("a server was made")
	}
}
