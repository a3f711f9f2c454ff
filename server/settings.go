package server

import (
	"time"

	"atserver/verbs"
)

// settings are what config:set changes here.
func (s *Server) settings(accesses *verbs.AccessLog) *verbs.Settings {
	autoNotify := 1
	if s.options.NoAutoNotify {
		autoNotify = 0
	}
	return verbs.NewSettings(
		verbs.Setting{Name: "inboundMaxLimit", Default: s.options.MaxConnections, Changed: func(n int) { s.gate.resize(min(n, s.most.places)) }},
		verbs.Setting{
			Name: "accessLogCompactionFrequencyMins", Default: int(s.options.AccessLogEvery / time.Minute),
			Changed: func(n int) { accesses.CompactEvery(time.Duration(n) * time.Minute) },
		},
		verbs.Setting{
			Name: "notificationKeyStoreCompactionFrequencyMins", Default: int(s.options.NotificationSweepEvery / time.Minute),
			Changed: func(n int) { s.expiry.Every(time.Duration(n) * time.Minute) },
		},
		verbs.Setting{Name: "autoNotify", Default: autoNotify, Switch: true},
		verbs.Setting{
			Name: "doCacheRefreshNow", Switch: true,
			Changed: func(on int) {
				if on == 1 {
					s.refresher.start(s.options.Now())
				}
			},
		},
		verbs.Setting{
			Name: "checkCertificateReload", Switch: true,
			Changed: func(on int) {
				if on == 1 {
					s.ReloadCertificates()
				}
			},
		},
	)
}
