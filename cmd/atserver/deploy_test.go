package main_test

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"gopkg.in/yaml.v3"
)

// readUnit is the systemd unit: the values of each setting, in order.
func readUnit(t *testing.T) map[string][]string {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join("ops", "atserver@.service"))
	if err != nil {
		t.Fatal(err)
	}
	unit := map[string][]string{}
	for line := range strings.Lines(string(raw)) {
		if name, value, ok := strings.Cut(strings.TrimSpace(line), "="); ok && !strings.HasPrefix(line, "#") {
			unit[name] = append(unit[name], value)
		}
	}
	return unit
}

// The unit starts a server that is ready, with its settings, in folders as systemd makes them.
func TestUnitServes(t *testing.T) {
	t.Parallel()
	unit, dir := readUnit(t), t.TempDir()
	places := strings.NewReplacer("%i", "alice", "%S", dir, "%t", filepath.Join(dir, "run"))
	for _, folder := range []string{unit["StateDirectory"][0], filepath.Join("run", unit["RuntimeDirectory"][0])} {
		if err := os.MkdirAll(filepath.Join(dir, places.Replace(folder)), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	env := []string{"ATSERVER_LISTEN=127.0.0.1:0"} // what alice.env would say
	for _, setting := range unit["Environment"] {
		env = append(env, places.Replace(setting))
	}
	command := strings.Fields(unit["ExecStart"][0])
	serving(t, env, command[1:]...)
	wantReady(t, env)
	if data := filepath.Join(dir, "atserver", "alice", "store"); !exists(data) {
		t.Errorf("%s is not there", data)
	}
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

// wantReady asks as probes do.
func wantReady(t *testing.T, env []string) {
	t.Helper()
	for _, args := range [][]string{{"health"}, {"health", "--ready"}} {
		if p := launch(t, env, args...); p.status() != 0 {
			t.Errorf("%v: %s", args, p.stderr.String())
		}
	}
}

// What systemd itself says of the unit, where it is installed.
func TestUnitIsSound(t *testing.T) {
	t.Parallel()
	analyze, err := exec.LookPath("systemd-analyze")
	if err != nil {
		t.Skip("systemd-analyze is not installed")
	}
	raw, err := os.ReadFile(filepath.Join("ops", "atserver@.service"))
	if err != nil {
		t.Fatal(err)
	}
	// the program must be where the unit says
	unit := filepath.Join(t.TempDir(), "atserver@alice.service")
	if err := os.WriteFile(unit, bytes.ReplaceAll(raw, []byte("/usr/local/bin/atserver"), []byte(binary)), 0o600); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command(analyze, "verify", unit).CombinedOutput(); err != nil || len(out) > 0 {
		t.Errorf("%v\n%s", err, out)
	}
}

// probe is how a kubelet asks.
type probe struct {
	Exec struct{ Command []string }
}

// statefulSet is what kubernetes.yaml says of the server, as far as it matters here.
type statefulSet struct {
	Kind string
	Spec struct {
		Replicas int
		Template struct {
			Spec struct {
				TerminationGracePeriodSeconds int `yaml:"terminationGracePeriodSeconds"`
				SecurityContext               struct {
					RunAsNonRoot bool `yaml:"runAsNonRoot"`
					RunAsUser    int  `yaml:"runAsUser"`
				} `yaml:"securityContext"`
				Containers []struct {
					Args            []string
					Env             []struct{ Name, Value string }
					StartupProbe    probe `yaml:"startupProbe"`
					ReadinessProbe  probe `yaml:"readinessProbe"`
					LivenessProbe   probe `yaml:"livenessProbe"`
					Resources       struct{ Limits map[string]string }
					SecurityContext struct {
						Escalation   *bool `yaml:"allowPrivilegeEscalation"`
						ReadOnlyRoot bool  `yaml:"readOnlyRootFilesystem"`
						Capabilities struct{ Drop []string }
					} `yaml:"securityContext"`
					VolumeMounts []struct {
						Name      string
						MountPath string `yaml:"mountPath"`
					} `yaml:"volumeMounts"`
				}
			}
		}
	}
}

func readStatefulSet(t *testing.T) statefulSet {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join("ops", "kubernetes.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	for d := yaml.NewDecoder(bytes.NewReader(raw)); ; {
		var s statefulSet
		if err := d.Decode(&s); err != nil {
			t.Fatal(err)
		}
		if s.Kind == "StatefulSet" {
			return s
		}
	}
}

func TestKubernetesConfines(t *testing.T) {
	t.Parallel()
	s := readStatefulSet(t).Spec
	pod := s.Template.Spec
	if s.Replicas != 1 || !pod.SecurityContext.RunAsNonRoot || pod.SecurityContext.RunAsUser != 1024 || len(pod.Containers) != 1 {
		t.Fatalf("%+v", s)
	}
	c := pod.Containers[0]
	if c.SecurityContext.Escalation == nil || *c.SecurityContext.Escalation || !c.SecurityContext.ReadOnlyRoot ||
		!slices.Equal(c.SecurityContext.Capabilities.Drop, []string{"ALL"}) || c.Resources.Limits["memory"] != "64Mi" {
		t.Errorf("%+v", c)
	}
	if pod.TerminationGracePeriodSeconds < 15 {
		t.Error("a kubelet kills it before it has ended in order")
	}
}

// The container starts with the arguments and the environment of the file, and its probes answer.
func TestKubernetesServes(t *testing.T) {
	t.Parallel()
	c, dir := readStatefulSet(t).Spec.Template.Spec.Containers[0], t.TempDir()
	var mounts []string
	for _, m := range c.VolumeMounts {
		place := filepath.Join(dir, m.Name)
		if err := os.Mkdir(place, 0o700); err != nil {
			t.Fatal(err)
		}
		mounts = append(mounts, m.MountPath+"/", place+"/")
	}
	if err := os.WriteFile(filepath.Join(dir, "secret", "cram.secret"), []byte(strings.Repeat("0123456789abcdef", 8)), 0o440); err != nil {
		t.Fatal(err)
	}
	places := strings.NewReplacer(append(mounts, "127.0.0.1:9464", "127.0.0.1:"+quietPort(t))...)
	env := []string{"ATSERVER_DATA=" + filepath.Join(dir, "data"), "ATSERVER_LISTEN=127.0.0.1:0"} // the image says /atsign
	for _, setting := range c.Env {
		env = append(env, setting.Name+"="+places.Replace(setting.Value))
	}
	serving(t, env, c.Args...)
	for _, p := range []probe{c.StartupProbe, c.ReadinessProbe, c.LivenessProbe} {
		if len(p.Exec.Command) < 2 || p.Exec.Command[0] != "/atserver" {
			t.Fatalf("%v", p.Exec.Command)
		}
		if p := launch(t, env, p.Exec.Command[1:]...); p.status() != 0 {
			t.Errorf("%v: %s", p.cmd.Args, p.stderr.String())
		}
	}
}
