namespace Simulation.Mutants;

/// <summary>The bugs, by what they strike. One that is not found any more says that a checker was lost; one whose text is gone is to be written anew.</summary>
internal static class MutantList
{
    public static IReadOnlyList<Mutant> All { get; } =
    [
        // Submission
        new("message before receipt", "a message has a receipt", "Submission/JobSubmission.cs",
            "        if (await receipts.AddAsync(job!.ToReceipt(), job.Chunks, cancellation) is not { } etag)",
            """
                    await queues.SendFirstAsync(job!.Queue, job.ToMessage(new Azure.ETag("\"none\"")), job.NotBefore, cancellation);
                    if (await receipts.AddAsync(job!.ToReceipt(), job.Chunks, cancellation) is not { } etag)
            """),
        new("202 before the broker has it", "I1: an accepted job is never lost", "Submission/JobSubmission.cs",
            "await queues.SendFirstAsync(job.Queue, message, at, cancellation);",
            "_ = queues.SendFirstAsync(job.Queue, message, at, cancellation);"),
        new("repetition does not send", "I1: 202 means that the broker has it", "Submission/JobSubmission.cs",
            """
                    receipts.IndexAgain(existing);
                    if (existing is { State: JobState.Queued or JobState.Scheduled, Attempt: 0 })
            """,
            """
                    receipts.IndexAgain(existing);
                    if (existing is { State: JobState.Queued or JobState.Scheduled, Attempt: 1_000 })
            """),
        new("id without the tenant", "I4: a key belongs to its tenant", "Submission/JobId.cs",
            "{tenant.Length}:{tenant}{type.Length}", "{type.Length}"),
        new("id without the key", "I4: one job for one key", "Submission/JobId.cs",
            "{key.Length}:{key}\"", "\""),
        new("children share an id", "each child is a job of its own", "Submission/ChildJob.cs",
            "$\"child:{parentId}:{Number}\"", "$\"child:{parentId}\""),
        new("notBefore ignored", "not before its time", "Lanes/JobQueues.cs",
            "        notBefore is { } at ? senders[queue]", "        notBefore is { } at && at == default ? senders[queue]"),
        new("expiry ignored", "no attempt starts after the expiry", "Execution/Expiry.cs",
            "message.ExpiresAt <= clock.GetUtcNow()", "message.ExpiresAt <= default(DateTimeOffset)"),
        new("expiry ends a running job", "I2: a lease is not broken", "Execution/Expiry.cs",
            "receipt.LeaseUntil + Claims.ClockSkew > now)", "receipt.LeaseUntil == default)") { Scenario = "expiry and lock lost while it runs" },
        new("expiry is not asked in place", "no attempt starts after the expiry", "Execution/JobRunner.cs",
            "            return await ExpireAsync(message, queue, stopping); // again", "            await Task.CompletedTask; // again") { Scenario = "expiry between two attempts in order" },

        // The claim
        new("claim without If-Match", "I2: one attempt at a time", "Receipts/ReceiptTable.cs",
            "MergeAsync(ClaimRow(jobId, attempt), expected, cancellation)", "MergeAsync(ClaimRow(jobId, attempt), ETag.All, cancellation)"),
        new("outcome without If-Match", "I2: a fenced outcome is never recorded", "Receipts/ReceiptTable.cs",
            "UpdateMerge, change, expected) }", "UpdateMerge, change, ETag.All) }"),
        new("renewal without If-Match", "only its owner renews a lease", "Receipts/ReceiptTable.cs",
            """
                    Write(progress, change);
                    return MergeAsync(change, expected, cancellation);
            """,
            """
                    Write(progress, change);
                    return MergeAsync(change, ETag.All, cancellation);
            """) { Seeds = 300 },
        new("fenced outcome is recorded", "I2: a fenced outcome is never recorded", "Execution/Claim.cs",
            """
                            if (!IsOurs(now))
                                return null;
            """,
            ""),
        new("lease is not renewed", "a lease lasts as long as its handler", "Execution/LeaseRenewal.cs",
            "this, lease / 3, Timeout", "this, lease * 1_000, Timeout") { InCalm = true },
        new("living lease is taken over", "a lease is not broken", "Execution/Claims.cs",
            "JobState.Running when receipt.LeaseUntil + ClockSkew > clock.GetUtcNow() =>", "JobState.Running when receipt.LeaseUntil - Lease > clock.GetUtcNow() =>"),
        new("clocks are trusted", "a lease is not broken by a clock that is ahead", "Execution/Claims.cs",
            "ClockSkew = TimeSpan.FromSeconds(1);", "ClockSkew = TimeSpan.FromSeconds(-2);"),
        new("takeover counts no attempt", "a lost attempt counts", "Execution/Claims.cs",
            "var attempt = NewAttempt(receipt.Attempt + 1, message, type);", "var attempt = NewAttempt(receipt.Attempt, message, type);"),
        new("takeover keeps no record", "every attempt is on record", "Receipts/ReceiptTable.cs",
            "MergeWithAsync(ClaimRow(jobId, attempt), expected, [lost.ToRow(jobId)], cancellation)", "MergeWithAsync(ClaimRow(jobId, attempt), expected, [], cancellation)"),
        new("takeover without an end", "AtMostOnce starts once", "Execution/Claims.cs",
            "if (receipt.Attempt - receipt.EarlierAttempts >= most)", "if (receipt.Attempt - receipt.EarlierAttempts >= most + 50)"),
        new("AtMostOnce claims nothing", "AtMostOnce starts once", "Execution/Claims.cs",
            "if (type.Guarantee == Guarantee.AtLeastOnce)", "if (type.Guarantee != Guarantee.EffectivelyOnce)"),
        new("AtMostOnce is handed back", "AtMostOnce starts once", "Execution/JobRunner.cs",
            "AttemptResult.Interrupted when type.Guarantee == Guarantee.AtMostOnce =>", "AttemptResult.Interrupted when type.Guarantee == Guarantee.AtLeastOnce =>") { Scenario = "stop while an AtMostOnce job runs" },

        // The attempt
        new("settled before the outcome", "I10: a running job has a message", "Execution/JobRunner.cs",
            """
                    var recorded = await claim.RecordAsync(
                        (etag, token) => receipts.SucceedAsync(id, etag, attempt, success.Result, children, claim.UnwrittenProgress, token), JobState.Succeeded, CancellationToken.None);
                    if (recorded is null)
                        return await FencedAsync(claim, type, queue);
            """,
            """
                    _ = claim.RecordAsync(
                        (etag, token) => receipts.SucceedAsync(id, etag, attempt, success.Result, children, claim.UnwrittenProgress, token), JobState.Succeeded, CancellationToken.None);
            """),
        new("success without its attempt", "every attempt is on record", "Receipts/ReceiptTable.cs",
            "new List<TableEntity>(1 + children.Count) { attempt.ToRow(jobId) };", "new List<TableEntity>(1 + children.Count);"),
        new("checkpoint is not read", "I3: an effect happens once", "Execution/JobContext.cs",
            "if ((Attempt > 1 || claim.BeganBefore) && await", "if (Attempt > 1_000 && await") { InCalm = true },
        new("checkpoint is overwritten", "I3: an effect is recorded once", "Receipts/ReceiptTable.cs",
            "await table.AddEntityAsync(new TableEntity(jobId, CheckpointPrefix + name) { [Column.Attempt] = attempt, [Column.Result] = result }, cancellation);",
            "await table.UpsertEntityAsync(new TableEntity(jobId, CheckpointPrefix + name) { [Column.Attempt] = attempt, [Column.Result] = result }, TableUpdateMode.Replace, cancellation);") { Seeds = 200 },
        new("children before the success", "a child exists only if its parent succeeded", "Execution/JobRunner.cs",
            "        TableEntity[] children = success.Children.Count == 0 ? [] : [.. success.Children.Select(child => child.ToRow(claim.Message.JobId))];",
            """
                    await endings.AfterAsync(claim.Message, JobState.Succeeded, success.Children, CancellationToken.None);
                    TableEntity[] children = success.Children.Count == 0 ? [] : [.. success.Children.Select(child => child.ToRow(claim.Message.JobId))];
            """),
        new("children are not sent again", "all children of a job that succeeded are sent", "Execution/JobRunner.cs",
            "receipt.Children == 0 ?", "receipt.Children >= 0 ?") { Scenario = "simple job" },
        new("stop does not reach the handler", "its token fires on a stop and on a lost lock", "Execution/AttemptRun.cs",
            "claim.Stop, stopping]", "claim.Stop]"),
        new("no timeout", "an attempt that stalls, or takes too long, is cancelled", "Execution/AttemptRun.cs",
            "[timeout.Token, stalled?.Token ?? default, claim", "[claim") { InCalm = true, Seeds = 200 },
        new("hand-back without a word", "a stop counts no attempt", "Execution/JobRunner.cs",
            "        if (!claim.IsHeld)\n            return Settlement.HandedBack;\n        var recorded", "        if (claim.IsHeld || !claim.IsHeld)\n            return Settlement.HandedBack;\n        var recorded") { Scenario = "stop while it runs" },

        // Retries
        new("one attempt too many", "the policy's attempts", "Execution/JobRunner.cs",
            "if (numberInRun >= policy", "if (numberInRun > policy"),
        new("one attempt too few", "the policy's attempts", "Execution/JobRunner.cs",
            "if (numberInRun >= policy", "if (numberInRun + 1 >= policy"),
        new("earlier runs count", "a replay has all the policy's attempts", "Execution/JobRunner.cs",
            "attempt.Number - claim.Message.EarlierAttempts;", "attempt.Number;"),
        new("jitter without bound", "no delay is longer than the cap", "Retries/RetryPolicy.cs",
            "Math.Round(bound * fraction)", "Math.Round(bound * fraction * 10)"),
        new("delay always zero", "full jitter", "Retries/RetryPolicy.cs",
            "Math.Round(bound * fraction)", "Math.Round(bound * 0)"),
        new("Retry-After ignored", "Retry-After wins over backoff", "Execution/JobRunner.cs",
            "var delay = failure.RetryAfter ?? policy", "var delay = policy"),
        new("put-off burns an attempt", "a put-off is no attempt", "Lanes/JobQueues.cs",
            "message with { PutOffs = message.PutOffs + 1 }, HeadReason.PutOff", "message with { Attempt = message.Attempt + 1, PutOffs = message.PutOffs + 1 }, HeadReason.PutOff"),
        new("breaker burns an attempt", "a put-off is no attempt", "Execution/JobRunner.cs",
            "return await PutOffAsync(message, type, queue, PutOffReason.Breaker, again,", "return await PutOffAsync(message with { Attempt = message.Attempt + 1 }, type, queue, PutOffReason.Breaker, again,") { Scenario = "outage behind a breaker" },
        new("put-offs share a message id", "the broker drops no copy", "Lanes/JobMessage.cs",
            "{JobId}:{Attempt}:{PutOffs}{", "{JobId}:{Attempt}:{"),
        new("next attempt is not sent again", "I10: a retrying job has a message", "Execution/Claims.cs",
            "Claimed.Not(await SendNextAttemptAsync(message, queue, receipt, cancellation)),", "Claimed.Not(Settlement.Completed),") { Scenario = "retry" },

        // Dead letters
        new("dead letter is completed", "every death is in the catalogue", "Execution/JobRunner.cs",
            "return new Settlement.DeadLetter(reason, attempt.Error.Message);", "return Settlement.Completed;"),
        new("completed before the catalogue has it", "every death is in the catalogue", "DeadLetters/DeadLetterCollector.cs",
            "        await catalogue.AddAsync(entry, cancellation);", "        _ = catalogue.AddAsync(entry, cancellation);") { Seeds = 200 },
        new("cause counted after its entry", "the causes are those of the list", "DeadLetters/DeadLetterTable.Counting.cs",
            "                    await table.SubmitTransactionAsync([change, .. count], cancellation);",
            "                    await table.SubmitTransactionAsync([change], cancellation);\n                    await table.SubmitTransactionAsync(count, cancellation);") { Scenario = "dead letter and discard" },
        new("entry without stack", "I8", "DeadLetters/DeadLetter.cs",
            "receipt.ErrorMessage ?? \"\", receipt.ErrorStack)", "receipt.ErrorMessage ?? \"\", null)"),
        new("entry without payload", "I8", "DeadLetters/DeadLetterCollector.cs",
            "        await receipts.KeepPayloadAsync(receipt.Id, message.Body, cancellation);\n", ""),
        new("entry without trace", "I8", "DeadLetters/DeadLetter.cs",
            "            TraceParent = receipt.TraceParent,\n", ""),
        new("replay without ETag", "I9: a replay makes one new run", "Receipts/ReceiptTable.DeadLetters.cs",
            "UpdateReplace, next, receipt.ETag)", "UpdateReplace, next, ETag.All)") { Seeds = 200 },
        new("replay keeps the expiry", "a replayed job runs", "Receipts/Receipt.DeadLetters.cs",
            "Column.HeldAttempt, Column.ExpiresAt, Column", "Column.HeldAttempt, Column") { Seeds = 200 },

        // Staged replay
        new("stage queues before it is on record", "a stage replays only what is on record", "Replays/ReplayCarrier.cs",
            "        run.Decide(clock.GetUtcNow());\n", "        run.Decide(clock.GetUtcNow());\n        await QueueAsync(run, cancellation);\n") { Seeds = 300 },
        new("stage does not wait for its jobs", "the next stage comes when this one has ended", "Replays/StagedRun.cs",
            "stage.Succeeded + stage.Failed + CancelledIn(stage) == stage.Started && ", "stage.Started > 0 && ") { Scenario = "staged replay in two stages" },
        new("stage forgets its bound", "a stage in which too many die is the last", "Replays/StagedRun.cs",
            "stage.Failed > 0 && stage.Failed >= Replay.StopAtFailureRate * most", "stage.Failed > 1_000 && stage.Failed >= Replay.StopAtFailureRate * most") { Scenario = "staged replay of what dies again" },
        new("staged replay of a key all at once", "of a strict key one job is replayed at a time", "Replays/StagedRun.cs",
            "if (item.State == ItemStage.Pending && waiting.Contains(key))", "if (item.State == ItemStage.Pending && waiting.Contains(key) && item.Place < 0)") { Scenario = "staged replay of a strict key" },

        // Order and lanes
        new("dead letter does not block its key", "I5", "Lanes/OrderedKeys.cs",
            "        if (state == JobState.DeadLettered)\n        {", "        if (state == JobState.Expired)\n        {"),
        new("retry does not block its key", "I5", "Lanes/JobQueues.cs",
            "if (message.StrictKey is { } key)", "if (message.StrictKey is { } key && why == HeadReason.DeadLettered)"),
        new("last parked goes first", "I5", "Lanes/ParkedJob.cs",
            "$\"{RowPrefix}{Order:D19}\"", "$\"{RowPrefix}{long.MaxValue - Order:D19}\""),
        new("released job is not sent", "a parked job goes on", "Lanes/OrderedKeys.cs",
            "                await queues.SendAsync(next.Queue, next.Message, cancellation);\n", "") { Scenario = "strict order behind a dead letter" },
        new("parked job is lost with the head", "a parked job goes on", "Lanes/OrderingKeyTable.cs",
            "if (row.RowKey != head.Row)", "if (row.RowKey != head.Row && head.Parked == 0)"),
        new("lane by chance", "I5: a key has one lane", "Lanes/Lane.cs",
            "$\"{tenant}.{Hash(spread) % (uint)laneCount}\"", "$\"{tenant}.{(Hash(spread) + Drawn++) % (uint)laneCount}\";\n\n    private static uint Drawn = 0"),
        new("more lanes than allowed", "I6", "Lanes/Lane.cs",
            "$\"{tenant}.{Hash(spread) % (uint)laneCount}\"", "$\"{tenant}.{Hash(spread) % (uint)(laneCount + 2)}\""),

        // Rates
        new("slots reserved without If-Match", "no second has more starts than the rate and the burst", "Limits/LimitTable.cs",
            "UpdateEntityAsync(row, before.ETag,", "UpdateEntityAsync(row, ETag.All,") { Seeds = 200 },
        new("starts when the table is away", "without a slot nothing starts", "Limits/JobSlots.cs",
            "            return new SlotAnswer(default, clock.GetUtcNow() + UntilTableIsBack + Spread * Lane.Fraction(message.JobId));", "            return SlotAnswer.Free;") { Seeds = 1_500 },
        new("a row does not move on", "a slot is good for one start", "Limits/ReservedRow.cs",
            "first + interval * count", "first + interval * (count - 1)") { Seeds = 200 },

        // Cancellation
        new("cancelled job runs", "a cancelled job does not start", "Cancellation/JobCancellation.cs",
            "if (await receipts.CancelAsync(job.Id, job.ETag, clock.GetUtcNow(), request, lost: null, cancellation) is null)", "if (job.Tenant.Length == 0)"),
        new("running job is not told", "a running job that was cancelled hears of it", "Cancellation/JobCancellation.cs",
            "if (job.CancelRequestedAt is null && await receipts.RequestCancelAsync(job.Id, job.ETag, attempt, clock.GetUtcNow(), request, cancellation) is null)\n            return null;\n\n        kill.Pass(KillPoints.AfterCancel);\n        LogRequested(job.Id, job.Type, attempt);\n        if (job.IsOrchestrated)\n            await orchestrations.TellAsync(job, Orchestrations.Cancel, cancellation);\n        else\n            await TellAsync(job.Id, attempt, cancellation);",
            "kill.Pass(KillPoints.AfterCancel);\n        LogRequested(job.Id, job.Type, attempt);") { InCalm = true },

        new("request to stop is forgotten in order", "a running job that was cancelled hears of it", "Execution/JobRunner.cs",
            "if (claim.IsCancelRequested && await CancelRetry", "if (claim.Message.StrictKey is null && claim.IsCancelRequested && await CancelRetry") { InCalm = true, Seeds = 200 },

        // Pressure
        new("critical is refused under pressure", "critical is accepted up to the hard limit", "Pressure/PressureGate.cs",
            "case (Queue.Default, PressureLevel.Saturated) when", "case (not Queue.Bulk, PressureLevel.Saturated) when") { Seeds = 300 },
        new("refused job is sent all the same", "what is refused is not there", "Submission/JobSubmission.cs",
            "cancellation) is { } answer)\n            return answer;",
            "cancellation) is { } answer)\n        {\n            if (answer is Submitted.Refused && await receipts.AddAsync(job!.ToReceipt(), job.Chunks, cancellation) is { } sent)\n                await queues.SendFirstAsync(job.Queue, job.ToMessage(sent), job.NotBefore, cancellation);\n            return answer;\n        }") { Seeds = 300 },
        new("nobody takes over the polling", "the queues go back to normal, and somebody sees it", "Pressure/PressureWatch.cs",
            "row.LeaseUntil + Claims.ClockSkew < clock.GetUtcNow())", "row.LeaseUntil == default)") { Seeds = 300 },

        // Controls
        new("control: resume forgets those held", "I10: what a control held goes on when it ends", "Controls/HeldRelease.cs",
            "await Task.WhenAll(some.Select(job => holds.ReleaseAsync(job.JobId, cancellation)));", "_ = (some, holds);") { Seeds = 100 },
        new("control: held and not marked", "I10: what a control held goes on when it ends", "Controls/ControlGate.cs",
            "        await held.AddAsync(pause, message, cancellation);\n", "") { Seeds = 100 },
        new("control: trusted however old", "what is paused does not start", "Controls/ControlBoard.cs",
            "view.Number > 0 && clock.GetElapsedTime(view.BegunAt) <= MaxAge;", "view.Number > 0;") { Seeds = 1_500 },
        new("control: not asked after the claim", "what is paused does not start", "Execution/JobRunner.cs",
            "if (!await controls.MayStartAsync(claim.Message, queue, stopping))", "if (claim.Attempt.Number < 0)") { Seeds = 300 },

        // Reconciliation and the list
        new("reconciler resends what waits", "a backlog is never sent twice", "Reconciliation/Reconciler.cs",
            "if (MayBeForgotten(line) && !pass.Census.Has(line.Id))", "if (MayBeForgotten(line))") { Seeds = 200 },
        new("reconciler never resends", "I10: nothing waits for ever", "Reconciliation/Repairs.cs",
            "        await SendAsync(receipt, cancellation);\n", ""),
        new("list forgets an end", "what has ended is in the list as ended", "Execution/JobEndings.cs",
            "            index.Put(JobSummary.Of(message, state, submittedAt, finishedAt ?? clock.GetUtcNow()));", "            _ = submittedAt;") { InCalm = true },

        // Workflows
        new("compensation in the order of doing", "I7: last done is first undone", "Workflows/WorkflowOrchestration.cs",
            "foreach (var node in toUndo.AsEnumerable().Reverse())", "foreach (var node in toUndo)") { InCalm = true, Seeds = 200 },
        new("compensation ends at a failure", "I7: the rest of the compensations is still done", "Workflows/WorkflowOrchestration.cs",
            "if (isStale)\n                break;", "if (isStale || failed.Count > 0)\n                break;") { InCalm = true, Seeds = 200 },
        new("failed compensation is no dead letter", "I7: a dead letter says which step stands", "Workflows/WorkflowEndings.cs",
            "if (end.NotUndone.Count > 0)", "if (end.NotUndone.Count > 1_000)") { InCalm = true, Seeds = 200 },
        new("cancelled workflow undoes nothing", "I7: cancelling compensates", "Workflows/WorkflowOrchestration.cs",
            "isStale || (!IsStopping && begun.ToUndo is null) ? []", "isStale || (failedStep is null && begun.ToUndo is null) ? []") { InCalm = true, Seeds = 200 },
        new("cancelled replay undoes nothing", "I7: cancelling compensates, also before a replay begins", "Cancellation/JobCancellation.cs",
            "job.Replays > 0 && await receipts", "job.Replays > 1_000 && await receipts") { Scenario = "workflow with a compensation that fails, replayed and cancelled" },
        new("done step runs again", "I3: no step takes effect twice", "Workflows/StepRuns.cs",
            "{ State: StepState.Done } => new StepOutcome(StepNext.Done),", "{ State: StepState.Done } when row.Run == call.Run => new StepOutcome(StepNext.Done),") { Scenario = "workflow whose result fails, replayed" },
        new("stale run goes on", "I9: a replay is one new run", "Workflows/StepRuns.cs",
            "receipt.IsOrchestrated && receipt.Owner == Orchestrations.OwnerOf(jobId, run)", "receipt.IsOrchestrated || run < 0 || jobId.Length == 0") { Scenario = "workflow with a compensation that fails, replayed and slow" },

        // Batches, schedules, unique keys
        new("batch takes an older run's end", "the counts of a batch are exact", "Batches/BatchShard.cs",
            "Run > known.Run || (Run == known.Run && known.State == ItemState.Pending && State != ItemState.Pending);", "known.State != State;") { Scenario = "batch, failed items retried" },
        new("occurrence with an id of its own", "one job for an occurrence", "Schedules/OccurrenceSubmission.cs",
            "var jobId = schedule.JobIdOf(occurrence);", "var jobId = schedule.JobIdOf(occurrence.AddTicks(clock.GetUtcNow().Ticks % 10_000_000));") { Scenario = "schedule" },
        new("cursor before the job", "no occurrence is lost", "Schedules/OccurrenceSubmission.cs",
            "var submitted = await SubmitAsync(schedule, new ScheduledOccurrence(jobId, schedule.Name, occurrence), cancellation);",
            "_ = SubmitAsync(schedule, new ScheduledOccurrence(jobId, schedule.Name, occurrence), cancellation);\n        Submitted submitted = new Submitted.Accepted(jobId, schedule.Name, JobState.Queued, Replayed: false);") { Scenario = "schedule" },
        new("unique key with two holders", "one holder at a time", "Uniqueness/UniqueTable.cs",
            "await table.UpdateEntityAsync(row.ToEntity(RowKey), expected, TableUpdateMode.Replace, cancellation);", "await table.UpdateEntityAsync(row.ToEntity(RowKey), ETag.All, TableUpdateMode.Replace, cancellation);") { Scenario = "unique: two at once" },
        new("waiting job is not sent", "I10: who waits for a unique key goes on", "Uniqueness/UniqueKeys.cs",
            "        kill.Pass(KillPoints.AfterHandOn);\n        await SendAsync(next, cancellation);", "        kill.Pass(KillPoints.AfterHandOn);") { Seeds = 200 },

        // Who is told, what is kept
        new("webhook before the end", "a webhook for each end, and none else", "Completion/JobAnnouncements.cs",
            "is not { } receipt || !receipt.State.IsFinal())", "is not { } receipt || receipt.Replays > 0)") { Seeds = 200 },
        new("event is not sent", "an event for each end", "Completion/JobAnnouncements.cs",
            "            await events.SendAsync(report, cancellation);", "            _ = report;") { InCalm = true, Seeds = 200 },
        new("retention before its time", "a job is kept as long as it says", "Retention/JobRetention.cs",
            "?? options.Value.Retention) < clock.GetUtcNow();", "?? options.Value.Retention) / 4 < clock.GetUtcNow();") { Seeds = 600 },
        new("dead letters are removed by age", "only an operator removes a dead letter", "Retention/JobRetention.cs",
            "(!receipt.IsDead || receipt.Discarded is not null ||", "(!receipt.IsDead || receipt.IsDead ||") { Seeds = 600 },
        new("line says more than it knows", "the list says ended only of what has ended to its last step", "Index/JobSummary.cs",
            "        CorrelationId = receipt.CorrelationId,\n    };", "        CorrelationId = receipt.CorrelationId,\n        State = receipt.State.IsFinal() ? receipt.State : null,\n    };") { Seeds = 2_000 },
        new("copy from before a replay expires it", "a replayed job runs", "Execution/Expiry.cs",
            "if (message.Replays < receipt.Replays)", "if (message.Replays < receipt.Replays - 1_000)") { Scenario = "expiry, a copy left over, and replay" },

        // Why
        new("place in the lane is one too many", "why a job does not run is told exactly", "Why/Explanation.cs",
            "(first, ahead) = (before[0], before.Length);", "(first, ahead) = (before[0], before.Length + 1);") { Seeds = 600 },
    ];
}
