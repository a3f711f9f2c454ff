package verbs

import (
	"strconv"
	"strings"
	"sync"
	"time"
)

// Setting is one that config:set changes while the server runs.
type Setting struct {
	Name    string
	Default int       // a number from 1 on; 0 or 1 for a switch
	Switch  bool      // told as false and true
	Changed func(int) // told of each change; may be nil
}

// Settings are those that a server in testing mode lets its owner change. They
// last until the server ends.
type Settings struct {
	known map[string]Setting // by name in lower case

	mu     sync.Mutex
	values map[string]int // of those that were changed
}

// Settings that verbs look at.
const (
	settingRequests   = "maxRequestsPerTimeFrame"
	settingWindow     = "timeFrameInMills"
	settingAutoNotify = "autoNotify"
)

// NewSettings returns the settings of the protocol: those given, and the others,
// which are remembered.
func NewSettings(given ...Setting) *Settings {
	s := &Settings{known: map[string]Setting{}, values: map[string]int{}}
	for _, setting := range append([]Setting{
		{Name: settingRequests, Default: maxRequests},
		{Name: settingWindow, Default: int(requestWindow.Milliseconds())},
		{Name: "commitLogCompactionFrequencyMins", Default: 18},
		{Name: "notificationKeyStoreCompactionFrequencyMins", Default: 5},
		{Name: "maxNotificationRetries", Default: 30},
		{Name: settingAutoNotify, Default: 1, Switch: true},
		{Name: "shouldReloadCertificates", Switch: true},
	}, given...) {
		s.known[strings.ToLower(setting.Name)] = setting
	}
	return s
}

// find returns a setting. One has two spellings.
func (s *Settings) find(name string) (Setting, error) {
	if strings.EqualFold(name, "timeFrameInMillis") {
		name = settingWindow
	}
	setting, ok := s.known[strings.ToLower(name)]
	if !ok {
		return setting, wrongType("there is no setting of this name")
	}
	return setting, nil
}

func (s *Settings) number(setting Setting) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	if n, ok := s.values[setting.Name]; ok {
		return n
	}
	return setting.Default
}

func (s *Settings) show(name string) (string, error) {
	setting, err := s.find(name)
	if err != nil {
		return "", err
	}
	n := s.number(setting)
	if setting.Switch {
		return strconv.FormatBool(n == 1), nil
	}
	return strconv.Itoa(n), nil
}

func (s *Settings) set(name, value string) error {
	setting, err := s.find(name)
	if err != nil {
		return err
	}
	n, err := setting.parse(strings.ToLower(value))
	if err != nil {
		return err
	}
	s.change(setting, n)
	return nil
}

// parse reads a value of the setting.
func (s Setting) parse(value string) (int, error) {
	switch {
	case s.Switch && value == "true":
		return 1, nil
	case s.Switch && value == "false":
		return 0, nil
	case s.Switch:
		return 0, wrongType(s.Name + " is true or false")
	}
	n, err := strconv.ParseInt(value, 10, 32)
	if err != nil || n < 1 {
		return 0, wrongType(s.Name + " is a number from 1 on")
	}
	return int(n), nil
}

func (s *Settings) reset(name string) error {
	setting, err := s.find(name)
	if err != nil {
		return err
	}
	s.change(setting, setting.Default)
	return nil
}

func (s *Settings) change(setting Setting, n int) {
	s.mu.Lock()
	s.values[setting.Name] = n
	s.mu.Unlock()
	if setting.Changed != nil {
		setting.Changed(n)
	}
}

func (s *Settings) isOn(name string) bool { return s.number(s.known[strings.ToLower(name)]) == 1 }

// requestLimit is how many enrollment requests a connection may make in what time.
func (s *Settings) requestLimit() (n int, window time.Duration) {
	count, millis := s.known[strings.ToLower(settingRequests)], s.known[strings.ToLower(settingWindow)]
	return s.number(count), time.Duration(s.number(millis)) * time.Millisecond
}
