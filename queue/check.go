package queue

import (
	"errors"
	"os"
	"path/filepath"
	"time"

	bolt "go.etcd.io/bbolt"

	"tilld/internal/fault"
)

// Check verifies the data directory dir without changing it: each page of the
// file, the checksum of each record, sequence and chain of the events, the
// acked watermark, the frames of the journal, the snapshots and the keys that
// unacked events are sealed with. fault.Busy: a
// running tilld has the directory. fault.Absent: there is no file.
func Check(dir string) (CheckReport, error) {
	began := time.Now()
	r := CheckReport{Findings: []Finding{}}
	path := filepath.Join(dir, dbName)
	if _, err := os.Stat(path); errors.Is(err, os.ErrNotExist) {
		return r, fault.New(fault.Absent, "queue", "check", err)
	}
	fileOnly := os.Getenv(checkEnv) == "file"
	if !fileOnly {
		lock, err := lockDir(dir, true, 0)
		if err != nil {
			return r, err
		}
		if lock != nil {
			defer lock.Close()
		}
	}
	st, err := checkFile(path, tree{}, !fileOnly, nil)
	if err != nil {
		return r, fault.New(fault.Config, "queue", "check", err)
	}
	if len(st.found) == 0 {
		// bbolt's own check last: it maps the file.
		if err := boltCheck(path); err != nil {
			st.note(Finding{File: dbName, Reason: err.Error()})
		}
	}
	if !fileOnly {
		if st, err = checkRest(dir, path, st); err != nil {
			return r, fault.New(fault.Config, "queue", "check", err)
		}
		missingKeys(dir, st.sealed, st.note)
	}
	r.Findings = append(r.Findings, st.found...)
	r.More = st.more
	r.OK = len(r.Findings) == 0
	r.Records, r.Events, r.Copies, r.Bytes = st.records, st.events, st.copied, st.bytes
	r.LastSeq, r.AckedSeq = st.chain.last, st.chain.acked
	if st.hasChain {
		r.Epoch = st.chain.epochText()
	}
	r.Took = time.Since(began).Round(time.Millisecond).String()
	return r, nil
}

// checkRest adds journal and snapshots to what was found in the file.
func checkRest(dir, path string, st *fileState) (*fileState, error) {
	list, err := segments(filepath.Join(dir, journalDir))
	if err != nil {
		return st, err
	}
	var from mark
	if len(list) > 0 && list[0].first <= st.mark.lsn {
		from.lsn = list[0].first // older files were not needed any more
	}
	tail := tree{}
	out, err := replay(filepath.Join(dir, journalDir), from, 0, nil, func(r record) error {
		if r.lsn > st.mark.lsn {
			tail = tail.commit(r)
		}
		return nil
	})
	if err != nil {
		return st, err
	}
	if tail.n > 0 {
		// What the file does not have yet counts like what it has.
		if st, err = checkFile(path, tail, true, nil); err != nil {
			return st, err
		}
	}
	for _, f := range out.found {
		f.File = journalDir + "/" + f.File
		st.note(f)
	}
	if out.end.lsn < st.mark.lsn && !st.mark.clean {
		st.note(Finding{File: journalDir, Reason: "ends before what the file has"})
	}
	snaps, err := snapshots(filepath.Join(dir, snapshotDir))
	if err != nil {
		return st, err
	}
	for _, name := range snaps {
		snap, err := checkFile(filepath.Join(dir, snapshotDir, name), tree{}, true, nil)
		if err != nil {
			return st, err
		}
		for _, f := range snap.found {
			f.File = snapshotDir + "/" + name
			st.note(f)
		}
	}
	return st, nil
}

// boltCheck opens the file read-only and lets bbolt verify its own structure.
func boltCheck(path string) error {
	db, err := bolt.Open(path, 0o600, &bolt.Options{ReadOnly: true, Timeout: time.Second, FreelistType: bolt.FreelistMapType})
	if err != nil {
		return err
	}
	var errs []error
	err = db.View(func(tx *bolt.Tx) error {
		for err := range tx.Check() {
			errs = append(errs, err)
		}
		return nil
	})
	return errors.Join(append(errs, err, db.Close())...)
}
