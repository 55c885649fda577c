using System.Runtime.CompilerServices;

namespace Azure.Data.Tables;

/// <summary>
/// Walks a query page by page. Azure.Core's own enumerator awaits with ConfigureAwait(false), which would leave the
/// simulation's thread, hence the override.
/// </summary>
internal sealed class Pages<T>(Func<string?, int?, CancellationToken, Task<Page<T>>> fetch, int? maxPerPage, CancellationToken cancellation)
    : AsyncPageable<T>(cancellation) where T : notnull
{
    public override IAsyncEnumerable<Page<T>> AsPages(string? continuationToken = null, int? pageSizeHint = null) =>
        ReadAsync(continuationToken, pageSizeHint ?? maxPerPage, CancellationToken);

    public override async IAsyncEnumerator<T> GetAsyncEnumerator(CancellationToken cancellationToken = default)
    {
        using var either = CancellationTokenSource.CreateLinkedTokenSource(CancellationToken, cancellationToken);
        await foreach (var page in ReadAsync(null, maxPerPage, either.Token))
        {
            foreach (var value in page.Values)
                yield return value;
        }
    }

    private async IAsyncEnumerable<Page<T>> ReadAsync(string? continuation, int? size, [EnumeratorCancellation] CancellationToken cancel)
    {
        do
        {
            var page = await fetch(continuation, size, cancel);
            yield return page;
            continuation = page.ContinuationToken;
        }
        while (continuation is not null);
    }
}
