package server

import (
	"errors"
	"net/http"
	"time"

	"atserver/server/backup"
	"atserver/store"
)

// operatorBackup answers with a copy: of everything, or of what changed since the
// one whose checksum and mark are named. 204 says that nothing has, 410 that only a
// copy of everything can be made. A copy that breaks off has no end, and is none.
func (s *Server) operatorBackup(w http.ResponseWriter, r *http.Request) {
	if err := r.ParseForm(); err != nil {
		answer(w, http.StatusBadRequest, Failure{err.Error()})
		return
	}
	source := backup.Source{
		DB: s.db, Sign: s.options.Sign, Dir: s.options.Dir, RootSecret: s.options.RootSecretFile, From: operatorFrom,
	}
	order := backup.Order{Recipients: r.Form["recipient"], Parent: r.FormValue("parent"), Mark: r.FormValue("mark")}
	made, err := source.Begin(order, s.options.Now())
	var wrong *backup.OrderError
	switch {
	case errors.Is(err, backup.ErrUnchanged):
		w.WriteHeader(http.StatusNoContent)
		return
	case errors.Is(err, store.ErrUnmarked):
		answer(w, http.StatusGone, Failure{err.Error()})
		return
	case errors.As(err, &wrong):
		answer(w, http.StatusBadRequest, Failure{err.Error()})
		return
	case err != nil:
		fail(w, err)
		return
	}
	w.Header().Set("Content-Type", "application/octet-stream")
	// It takes as long as it takes: an operator who stops reading holds up nobody.
	err = http.NewResponseController(w).SetWriteDeadline(time.Time{})
	if err == nil {
		err = made.Write(w)
	}
	if err != nil {
		s.options.Log.Error().Err(err).Msg("Backup broke off")
		panic(http.ErrAbortHandler)
	}
}
