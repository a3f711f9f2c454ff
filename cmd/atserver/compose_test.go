package main_test

import (
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"gopkg.in/yaml.v3"

	"atserver/enroll/atauth"
	"atserver/store/atkey"
)

// composed is what compose.yaml says of a container, as far as it matters here.
type composed struct {
	Build       string
	Command     []string
	Environment map[string]string
	Ports       []string
	Volumes     []string
	NetworkMode string   `yaml:"network_mode"`
	ReadOnly    bool     `yaml:"read_only"`
	CapDrop     []string `yaml:"cap_drop"`
	SecurityOpt []string `yaml:"security_opt"`
	MemLimit    string   `yaml:"mem_limit"`
	Healthcheck struct{ Test []string }
}

func readCompose(t *testing.T) (services map[string]composed, volumes []string) {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join("..", "..", "compose.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	var file struct {
		Services map[string]composed
		Volumes  map[string]any
	}
	if err := yaml.Unmarshal(raw, &file); err != nil {
		t.Fatal(err)
	}
	for volume := range file.Volumes {
		volumes = append(volumes, volume)
	}
	return file.Services, volumes
}

func TestComposeConfines(t *testing.T) {
	services, volumes := readCompose(t)
	if len(services) != 3 {
		t.Errorf("%d services", len(services))
	}
	for name, s := range services {
		if s.Build != "." || !s.ReadOnly || !slices.Equal(s.CapDrop, []string{"ALL"}) || s.MemLimit == "" ||
			!slices.Equal(s.SecurityOpt, []string{"no-new-privileges:true"}) || len(s.Healthcheck.Test) < 3 {
			t.Errorf("%s: %+v", name, s)
		}
		if (name == "directory") != (s.NetworkMode == "") || name != "directory" && s.NetworkMode != "service:directory" {
			t.Errorf("%s: network %q", name, s.NetworkMode)
		}
		for _, port := range s.Ports {
			if !strings.HasPrefix(port, "127.0.0.1:") {
				t.Errorf("%s: port %s is open to everybody", name, port)
			}
		}
		for _, volume := range s.Volumes {
			if source, _, _ := strings.Cut(volume, ":"); !slices.Contains(volumes, source) {
				t.Errorf("%s: no volume %s", name, source)
			}
		}
	}
}

// The commands of compose.yaml make a network: run here with folders for volumes and other ports.
func TestComposeRuns(t *testing.T) {
	t.Parallel()
	services, _ := readCompose(t)
	volumes := t.TempDir()
	ports := map[string]string{}
	port := regexp.MustCompile(`\b640\d\b`)
	inPlace := func(s composed, text string) string {
		for _, volume := range s.Volumes {
			part := strings.Split(volume, ":")
			text = strings.ReplaceAll(text, part[1], filepath.Join(volumes, part[0]))
		}
		return port.ReplaceAllStringFunc(text, func(p string) string {
			if ports[p] == "" {
				ports[p] = quietPort(t)
			}
			return ports[p]
		})
	}
	for _, name := range []string{"directory", "alice", "bob"} {
		s := services[name]
		if err := os.MkdirAll(filepath.Join(volumes, name), 0o700); err != nil {
			t.Fatal(err)
		}
		env := []string{"ATSERVER_DATA=" + filepath.Join(volumes, name)} // as in the image
		for key, value := range s.Environment {
			env = append(env, key+"="+value)
		}
		var args []string
		for _, arg := range s.Command {
			args = append(args, inPlace(s, arg))
		}
		p := launch(t, env, args...)
		p.wantPrinted(" at ", "\n")
		h := launch(t, env, s.Healthcheck.Test[2:]...)
		if status := h.status(); status != 0 {
			t.Errorf("%s: health says %d, %q", name, status, h.stderr.String())
		}
	}
	options := func(sign atkey.Sign) atauth.Options {
		return atauth.Options{Sign: sign, Directory: "localhost:" + ports["6400"], CAFile: filepath.Join(volumes, "directory", "tls", "ca.pem")}
	}
	for _, name := range []string{"alice", "bob"} {
		secret, err := os.ReadFile(filepath.Join(volumes, name, "cram.secret"))
		if err != nil {
			t.Fatal(err)
		}
		sign := atkey.Sign("@" + name)
		keep := func(atauth.Keys) error { return nil }
		if _, err := atauth.Onboard(bounded(t), options(sign), strings.TrimSpace(string(secret)), "test", "here", keep); err != nil {
			t.Fatal(err)
		}
	}
	c, err := atauth.Dial(bounded(t), options("@alice"))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	ask(t, c.Conn, "from:@bob", "AT0401") // others must show the certificate
	if len(ports) != 3 {
		t.Errorf("ports: %v", ports)
	}
}

// quietPort is a free port below those that the system hands out to everybody, so that it stays free for a while.
func quietPort(t *testing.T) string {
	t.Helper()
	for range 100 {
		port := strconv.Itoa(17000 + rand.IntN(15000))
		if l, err := net.Listen("tcp", ":"+port); err == nil {
			l.Close()
			return port
		}
	}
	t.Fatal("there is no free port")
	return ""
}
