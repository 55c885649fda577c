using System.Runtime.CompilerServices;

namespace Microsoft.DurableTask;

public sealed class Page<T>
    where T : notnull
{
    public Page(IReadOnlyList<T> values, string? continuationToken = null)
    {
        ArgumentNullException.ThrowIfNull(values);
        (Values, ContinuationToken) = (values, continuationToken);
    }

    public IReadOnlyList<T> Values { get; }

    public string? ContinuationToken { get; }
}

/// <summary>What is read page by page as it is enumerated.</summary>
public abstract class AsyncPageable<T> : IAsyncEnumerable<T>
    where T : notnull
{
    public abstract IAsyncEnumerable<Page<T>> AsPages(string? continuationToken = null, int? pageSizeHint = null);

    public async IAsyncEnumerator<T> GetAsyncEnumerator(CancellationToken cancellationToken = default)
    {
        await foreach (var page in AsPages().WithCancellation(cancellationToken))
        {
            foreach (var value in page.Values)
                yield return value;
        }
    }
}

public static class Pageable
{
    public static AsyncPageable<T> Create<T>(Func<string?, CancellationToken, Task<Page<T>>> pageFunc)
        where T : notnull
    {
        ArgumentNullException.ThrowIfNull(pageFunc);
        return new Pages<T>((token, _, cancellation) => pageFunc(token, cancellation));
    }

    public static AsyncPageable<T> Create<T>(Func<string?, int?, CancellationToken, Task<Page<T>>> pageFunc)
        where T : notnull
    {
        ArgumentNullException.ThrowIfNull(pageFunc);
        return new Pages<T>(pageFunc);
    }

    private sealed class Pages<T>(Func<string?, int?, CancellationToken, Task<Page<T>>> read) : AsyncPageable<T>
        where T : notnull
    {
        public override IAsyncEnumerable<Page<T>> AsPages(string? continuationToken = null, int? pageSizeHint = null) =>
            ReadPages(continuationToken, pageSizeHint);

        private async IAsyncEnumerable<Page<T>> ReadPages(
            string? token, int? size, [EnumeratorCancellation] CancellationToken cancellation = default)
        {
            do
            {
                var page = await read(token, size, cancellation);
                yield return page;
                token = page.ContinuationToken;
            }
            while (token is not null);
        }
    }
}
