using Azure.Core;
using Azure.Core.Pipeline;
using AzureLocal.Storage;

namespace Azure.Data.Tables;

/// <summary>Chooses the transport: what a connection string or an address with a credential leads to.</summary>
internal static class TableConnection
{
    /// <exception cref="InvalidOperationException">Not a connection string at all.</exception>
    /// <exception cref="FormatException">A connection string that names no account.</exception>
    public static ITableTransport Open(string connectionString, TableClientOptions? options)
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(connectionString);
        var settings = Parse(connectionString);
        if (settings.TryGetValue("DataDirectory", out var directory))
            return Embedded(directory);
        if (settings.GetValueOrDefault("UseDevelopmentStorage", "").Equals("true", StringComparison.OrdinalIgnoreCase))
        {
            if (settings.ContainsKey("DevelopmentStorageProxyUri"))
                throw new NotSupportedException("DevelopmentStorageProxyUri is not supported: give an account and its TableEndpoint.");
            return Embedded(DataDirectory.Current);
        }
        if (settings.ContainsKey("SharedAccessSignature"))
            throw new NotSupportedException("SharedAccessSignature is not supported: use an account key or a TokenCredential.");
        if (!settings.TryGetValue("AccountName", out var account)
            || !settings.TryGetValue("AccountKey", out var key)
            || Endpoint(settings, account) is not { } endpoint)
        {
            throw new FormatException(
                "The connection string names no account. It needs UseDevelopmentStorage=true, or DataDirectory, "
                + "or AccountName and AccountKey with TableEndpoint or EndpointSuffix.");
        }
        return Open(endpoint, new TableSharedKeyCredential(account, key), options);
    }

    public static ITableTransport Open(Uri endpoint, TableSharedKeyCredential credential, TableClientOptions? options)
    {
        ArgumentNullException.ThrowIfNull(credential);
        return Http(endpoint, credential.AccountName, new SharedKeyPolicy(credential, TimeProvider.System), options);
    }

    public static ITableTransport Open(Uri endpoint, TokenCredential credential, TableClientOptions? options)
    {
        ArgumentNullException.ThrowIfNull(endpoint);
        ArgumentNullException.ThrowIfNull(credential);
        if (endpoint.Scheme != Uri.UriSchemeHttps)
            throw new ArgumentException("A TokenCredential needs https.", nameof(endpoint));
        var account = endpoint.Host.Split('.')[0];
        return Http(endpoint, account, new BearerTokenAuthenticationPolicy(credential, "https://storage.azure.com/.default"), options);
    }

    private static EmbeddedTables Embedded(string directory)
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(directory);
        return new EmbeddedTables(directory, TimeProvider.System);
    }

    private static HttpTables Http(Uri endpoint, string account, HttpPipelinePolicy signing, TableClientOptions? options)
    {
        ArgumentNullException.ThrowIfNull(endpoint);
        if (endpoint.Scheme != Uri.UriSchemeHttps && endpoint.Scheme != Uri.UriSchemeHttp)
            throw new ArgumentException("The address of a table service begins with http.", nameof(endpoint));
        if (endpoint.Query.Length > 0)
            throw new NotSupportedException("A shared access signature is not supported: use an account key or a TokenCredential.");
        return new HttpTables(endpoint, account, signing, options ?? new TableClientOptions());
    }

    private static Uri? Endpoint(Dictionary<string, string> settings, string account)
    {
        if (settings.TryGetValue("TableEndpoint", out var text))
        {
            return Uri.TryCreate(text, UriKind.Absolute, out var endpoint)
                ? endpoint
                : throw new FormatException("TableEndpoint is not an address.");
        }
        if (!settings.TryGetValue("EndpointSuffix", out var suffix))
            return null;
        return new Uri($"{settings.GetValueOrDefault("DefaultEndpointsProtocol", "https")}://{account}.table.{suffix}");
    }

    /// <summary>Messages name the segment by its place, never by its text: it may hold a key.</summary>
    private static Dictionary<string, string> Parse(string connectionString)
    {
        var settings = new Dictionary<string, string>(StringComparer.OrdinalIgnoreCase);
        var place = 0;
        foreach (var segment in connectionString.Split(';', StringSplitOptions.TrimEntries))
        {
            place++;
            if (segment.Length == 0)
                continue;
            var equals = segment.IndexOf('=', StringComparison.Ordinal);
            if (equals <= 0 || equals == segment.Length - 1)
                throw new InvalidOperationException($"Part {place} of the connection string is not of the form name=value.");
            if (!settings.TryAdd(segment[..equals].TrimEnd(), segment[(equals + 1)..].TrimStart()))
                throw new InvalidOperationException($"Part {place} of the connection string repeats a name.");
        }
        return settings;
    }
}
