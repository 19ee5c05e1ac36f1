package centre

import (
	"database/sql"
	"errors"
	"testing"
)

// execSQL tampers with a read model behind its back.
func execSQL(t *testing.T, path, query string) error {
	t.Helper()
	db, err := sql.Open("sqlite", "file:"+path)
	if err != nil {
		return err
	}
	_, err = db.ExecContext(t.Context(), query)
	return errors.Join(err, db.Close())
}
