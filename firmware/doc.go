// Package firmware brings new versions of the agent, and of the devices'
// firmware, onto a till.
//
// What may be installed is decided by signed metadata alone (package tuf).
// [RunUpdate] checks a repository, downloads the agent's new version into the
// idle slot (package slots) and makes it the candidate; tilld-guard (package
// guard) tries it and goes back if it does not report itself healthy
// ([ReportHealthy]).
package firmware
