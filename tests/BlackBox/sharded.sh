#!/usr/bin/env bash
# usage: [WEIR_SHARDS=3] tests/BlackBox/sharded.sh [CLASS…]
# Runs test classes one by one, each app that a test starts being several shards and a front. Without names: all that a job's life is made of. One line for each; fails when one did.
# A class has ten minutes: on two cores that do nothing else the longest takes five. Outputs stay in the folder that is named at the end.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

classes=("$@")
if [[ ${#classes[@]} -eq 0 ]]; then
  classes=(
    FirstJobTests IdempotencyTests BadRequestTests ContractVersionTests ListTests RetentionTests AccessTests SecrecyTests StoreAwayTests ScheduledTests CancelTests UniqueTests BulkTests WebhookTests
    KillPointTests DeadLetterTests ManyDeadLettersTests DeadLetterCrashTests OrderingTests LaneTests CrashTests ShardTests
  )
fi
export WEIR_SHARDS="${WEIR_SHARDS:-3}"
[[ $WEIR_SHARDS =~ ^[1-9][0-9]?$ && $WEIR_SHARDS -le 64 ]] || { echo "WEIR_SHARDS is '$WEIR_SHARDS'; expected 1 to 64." >&2; exit 2; }

dotnet build tests/BlackBox -nodeReuse:false -v:q
logs=$(mktemp -d)
failed=0
for class in "${classes[@]}"; do
  began=$SECONDS
  outcome=passed
  timeout --kill-after=10s 10m dotnet tests/BlackBox/bin/Debug/net10.0/BlackBox.Tests.dll --no-ansi --no-progress --filter-class "*.$class" </dev/null >"$logs/$class" 2>&1 || outcome="FAILED ($?)"
  [[ $outcome == passed ]] || failed=1
  printf '%-22s %-12s %4d s  %s\n' "$class" "$outcome" $((SECONDS - began)) "$(sed -nE 's/^ +(succeeded|failed|skipped): ([0-9]+)$/\2 \1/p' "$logs/$class" | paste -sd, | sed 's/,/, /g')"
done
echo "With $WEIR_SHARDS shards; outputs: $logs"
exit "$failed"
