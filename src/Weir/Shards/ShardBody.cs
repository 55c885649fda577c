using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Options;
using Weir.Api;
using Weir.Workflows;

namespace Weir.Shards;

/// <summary>
/// A client's body on its way to a shard, with the bounds that the shard has for it: one that has answered before the end and stopped reading is not heard until all of it is sent, and what has no end never is. What is
/// wrong with the body is told apart from what is wrong with the shard.
/// </summary>
internal sealed class ShardBody : Stream
{
    private readonly Stream body;
    private readonly long most;
    private readonly TimeSpan longest;
    private readonly TimeProvider clock;
    private TimeSpan left;
    private long length;

    public ShardBody(HttpRequest request, TimeProvider clock)
    {
        (this.clock, body, most) = (clock, request.Body, MostOf(request.Path));
        left = longest = IsTakenAsItComes(request) ? ShardCalls.Longest : request.HttpContext.RequestServices.GetRequiredService<IOptions<WeirOptions>>().Value.BodyTimeout;
    }

    public override bool CanRead => true;

    public override bool CanSeek => false;

    public override bool CanWrite => false;

    public override long Length => throw new NotSupportedException();

    public override long Position
    {
        get => throw new NotSupportedException();
        set => throw new NotSupportedException();
    }

    /// <summary>What the shard takes at most; where it takes less, it answers for itself.</summary>
    private static long MostOf(PathString path) => (path.Value ?? "").ToLowerInvariant().Trim('/').Split('/') switch
    {
        ["api", "jobs", "bulk"] => BulkApi.MaxBody,
        ["api", "batches"] => BatchBody.MaxLines,
        ["api", "schedules", _] => SchedulesApi.MaxBody,
        ["api", "jobs", _, "events", _] => WorkflowEvents.MostPayload,
        _ => JobsApi.MaxBody,
    };

    /// <summary>The lines of a batch are accepted while they come, for as long as that takes.</summary>
    private static bool IsTakenAsItComes(HttpRequest request) =>
        request.Path.StartsWithSegments("/api/batches", StringComparison.OrdinalIgnoreCase) && request.ContentType?.StartsWith(BatchBody.NdJson, StringComparison.OrdinalIgnoreCase) == true;

    /// <exception cref="ShardBodyException">It broke off, is too long, or came too slowly.</exception>
    public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        var read = await ReadSomeAsync(buffer, cancellationToken);
        length += read;
        return length <= most ? read : throw new ShardBodyException(Problem.BodyTooLarge(most));
    }

    public override Task<int> ReadAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) => ReadAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();

    public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException();

    public override void Flush()
    {
    }

    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

    public override void SetLength(long value) => throw new NotSupportedException();

    public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();

    private async ValueTask<int> ReadSomeAsync(Memory<byte> buffer, CancellationToken cancellation)
    {
        var began = clock.GetTimestamp();
        using var overdue = new CancellationTokenSource(left, clock); // only what the client takes counts, not what the shard does
        using var either = CancellationTokenSource.CreateLinkedTokenSource(overdue.Token, cancellation);
        try
        {
            return await body.ReadAsync(buffer, either.Token);
        }
        catch (OperationCanceledException) when (overdue.IsCancellationRequested && !cancellation.IsCancellationRequested)
        {
            throw new ShardBodyException(Problem.BodyTooSlow($"It had not come after {longest.TotalSeconds:0} s."));
        }
        catch (IOException broken)
        {
            throw new ShardBodyException(RequestBody.ProblemOf(broken, most), broken);
        }
        finally
        {
            left -= clock.GetElapsedTime(began);
            left = left > TimeSpan.Zero ? left : TimeSpan.Zero;
        }
    }
}

/// <summary>A client's body could not be read to its end.</summary>
internal sealed class ShardBodyException(IResult problem, Exception? cause = null) : IOException("The body of the request could not be read.", cause)
{
    /// <summary>What the client is told.</summary>
    public IResult Problem => problem;

    /// <summary>However deep it lies.</summary>
    public static ShardBodyException? Of(Exception? failure)
    {
        while (failure is not null and not ShardBodyException)
            failure = failure.InnerException;
        return failure as ShardBodyException;
    }
}
