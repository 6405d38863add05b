package cli

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/weft-dev/weft/internal/server/app"
	"github.com/weft-dev/weft/internal/trace/store/colstore/part"
)

func (e *env) storeCommand() *cobra.Command {
	var data string
	c := &cobra.Command{Use: "store", Short: "Check, measure, back up, restore and repair a data folder"}
	c.PersistentFlags().StringVar(&data, "data", envOr("WEFT_DATA", "weft-data"), "data folder")
	c.AddCommand(e.storeCheck(&data), e.storeStat(&data), e.storeBackup(&data), e.storeRestore(&data), e.storeRepair(&data))
	return c
}

func (e *env) storeCheck(data *string) *cobra.Command {
	return &cobra.Command{
		Use: "check", Short: "Read every block and say which are damaged", Args: exactArgs(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			bar := e.bar("check " + *data)
			report, err := app.CheckData(cmd.Context(), *data, func(done, total int64) { bar.ChangeMax64(total); _ = bar.Set64(done) })
			_ = bar.Exit()
			if err != nil {
				return noFolder(err, *data)
			}
			for _, c := range report.Corrupt {
				fmt.Fprintln(e.Out, "damaged:", c)
			}
			e.note("%d parts, %d blocks, %d spans read; %d blocks damaged", report.Parts, report.Blocks, report.Spans, len(report.Corrupt))
			if len(report.Corrupt) > 0 {
				return withHint(&exitError{exitFailed, errors.New("the store is damaged")}, "stop the server and run: weft store repair --data %s", *data)
			}
			return nil
		},
	}
}

func (e *env) storeStat(data *string) *cobra.Command {
	c := &cobra.Command{
		Use: "stat", Short: "Show where the bytes go, by column and cause", Args: exactArgs(),
	}
	e.outputFlag(c)
	c.RunE = func(cmd *cobra.Command, _ []string) error {
		st, err := app.StatData(cmd.Context(), *data)
		if err != nil {
			return noFolder(err, *data)
		}
		perSpan := func(n int64) string { return fmt.Sprintf("%.2f", float64(n)/float64(max(1, st.Spans))) }
		p := e.list([]column{
			{"CAUSE", false, func(v any) string { return v.(part.Stat).Cause }},
			{"BYTES", false, func(v any) string { return strconv.FormatInt(v.(part.Stat).Bytes, 10) }},
			{"BYTES/SPAN", false, func(v any) string { return perSpan(v.(part.Stat).Bytes) }},
			{"VALUES", true, func(v any) string { return strconv.FormatInt(v.(part.Stat).Values, 10) }},
		})
		for _, cause := range st.Causes {
			if err := p.row(cause); err != nil {
				return err
			}
		}
		if err := p.close(); err != nil {
			return err
		}
		e.note("%d parts, %d traces, %d spans, %s, %s bytes a span", st.Parts, st.Traces, st.Spans, bytesText(st.Bytes), perSpan(st.Bytes))
		return nil
	}
	return c
}

func (e *env) storeBackup(data *string) *cobra.Command {
	return &cobra.Command{
		Use: "backup DIR", Short: "Make DIR a copy of the data folder, while the server runs", Args: exactArgs("DIR"),
		RunE: func(cmd *cobra.Command, args []string) error {
			bar := e.bar("backup")
			err := app.Backup(cmd.Context(), *data, args[0], func(done, total int64) { bar.ChangeMax64(total); _ = bar.Set64(done) })
			_ = bar.Exit()
			if err != nil {
				return noFolder(err, *data)
			}
			e.note("backed up %s to %s; bring it back with: weft store restore %s --data NEW", *data, args[0], args[0])
			return nil
		},
	}
}

func (e *env) storeRestore(data *string) *cobra.Command {
	return &cobra.Command{
		Use: "restore DIR", Short: "Make the data folder from a backup, after reading every block of it", Args: exactArgs("DIR"),
		RunE: func(cmd *cobra.Command, args []string) error {
			bar := e.bar("restore")
			err := app.Restore(cmd.Context(), args[0], *data, func(done, total int64) { bar.ChangeMax64(total); _ = bar.Set64(done) })
			_ = bar.Exit()
			if err != nil {
				return noFolder(err, args[0])
			}
			e.note("restored %s from %s; start it with: weft up --data %s", *data, args[0], *data)
			return nil
		},
	}
}

func (e *env) storeRepair(data *string) *cobra.Command {
	return &cobra.Command{
		Use: "repair", Short: "Take damaged parts out of a stopped server's data folder, saving what reads", Args: exactArgs(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			report, err := app.Repair(cmd.Context(), *data)
			if err != nil {
				return noFolder(err, *data)
			}
			if len(report.Parts) == 0 {
				e.note("nothing to repair")
				return nil
			}
			for _, p := range report.Parts {
				fmt.Fprintln(e.Out, "repaired:", p)
			}
			e.note("%d spans saved; the damaged parts are kept in %s", report.Spans, filepath.Join(*data, "traces", "quarantine"))
			return nil
		},
	}
}

func noFolder(err error, dir string) error {
	if errors.Is(err, fs.ErrNotExist) {
		return withHint(err, "is %s the right folder? name it with --data", dir)
	}
	return err
}
