using System.Security.Cryptography;
using Azure;
using Azure.Data.Tables;

namespace Weir.Access;

/// <summary>
/// The table Sessions: one row with the secret that all instances sign browsers' sessions with. The first instance that needs it makes it. Whoever can read this
/// table can read and write everything else too, so it protects the secret as well as anything could; the settings, which hold the keys' hashes, do not suffice.
/// </summary>
internal sealed class SessionSecretTable(TableServiceClient tables) : IStoredTable
{
    private const string Partition = "session";
    private const string Row = "secret";
    private const string Secret = "Secret";
    private const int Bytes = 32;

    private readonly TableClient table = tables.GetTableClient("Sessions");
    private byte[]? known;

    public Task CreateIfMissingAsync(CancellationToken cancellation) => table.CreateIfNotExistsAsync(cancellation);

    /// <summary>Read once; two that make it at the same time both end with the one that was stored.</summary>
    public async ValueTask<byte[]> ReadAsync(CancellationToken cancellation)
    {
        if (known is not null)
            return known;
        if (await FindAsync(cancellation) is { } there)
            return known = there;
        try
        {
            // Not of the injected Random: this one has to be hard to guess.
            await table.AddEntityAsync(new TableEntity(Partition, Row) { [Secret] = RandomNumberGenerator.GetBytes(Bytes) }, cancellation);
        }
        catch (RequestFailedException taken) when (taken.Status == 409)
        {
            // Another instance was first.
        }
        return known = await FindAsync(cancellation) ?? throw new InvalidDataException("The row with the sessions' secret was written and is not there.");
    }

    private async Task<byte[]?> FindAsync(CancellationToken cancellation)
    {
        var answer = await table.GetEntityIfExistsAsync<TableEntity>(Partition, Row, cancellationToken: cancellation);
        return answer.HasValue && answer.Value!.GetBinary(Secret) is { Length: Bytes } secret ? secret : null;
    }
}
