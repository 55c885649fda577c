using System.ComponentModel.DataAnnotations;

namespace Weir;

/// <summary>The settings under <c>Weir:</c>.</summary>
public sealed class WeirOptions
{
    public const string Section = "Weir";

    /// <summary>
    /// How many jobs of one tenant can run at once in each queue, on all instances together. 1 to 1,000, default 32.
    /// Changing it moves ordering keys to other lanes: let the queues drain first where order matters.
    /// </summary>
    [Range(1, 1_000)]
    public int Lanes { get; set; } = 32;

    /// <summary>
    /// How long a claim holds without renewal: what a job waits, at most, after the instance that ran it died. It is renewed at a third
    /// of this. 3 s to 5 minutes, default 30 s.
    /// </summary>
    [Range(typeof(TimeSpan), "00:00:03", "00:05:00")]
    public TimeSpan Lease { get; set; } = TimeSpan.FromSeconds(30);

    /// <summary>
    /// How long a handler may take to obey its token, before the attempt is recorded without it and the worker goes on.
    /// 0 to 5 minutes, default 5 s.
    /// </summary>
    [Range(typeof(TimeSpan), "00:00:00", "00:05:00")]
    public TimeSpan CancellationGrace { get; set; } = TimeSpan.FromSeconds(5);

    /// <summary>
    /// How long a finished job is kept, with its attempts and its result, and its Idempotency-Key remembered. A type can set its own; a dead letter is kept until
    /// somebody discards it, unless its type says otherwise. 1 s to 10 years, default 14 days.
    /// </summary>
    [Range(typeof(TimeSpan), "00:00:01", "3650.00:00:00")]
    public TimeSpan Retention { get; set; } = TimeSpan.FromDays(14);

    /// <summary>
    /// How long the body of a request may take to come, from the first to the last byte: a connection that trickles holds a buffer. 1 s to 10 minutes, default 60 s.
    /// </summary>
    [Range(typeof(TimeSpan), "00:00:01", "00:10:00")]
    public TimeSpan BodyTimeout { get; set; } = TimeSpan.FromSeconds(60);

    /// <summary>How many submissions an instance handles at once; what comes beyond is refused before its body is read. 1 to 100,000, default 500.</summary>
    [Range(1, 100_000)]
    public int MaxInFlight { get; set; } = 500;

    /// <summary>How many bytes of submissions it handles at once, as their Content-Length says. 64 KiB to 64 GiB, default 256 MiB.</summary>
    [Range(64L * 1024, 64L * 1024 * 1024 * 1024)]
    public long MaxInFlightBytes { get; set; } = 256L * 1024 * 1024;

    /// <summary>
    /// For how long the broker locks a message or a session (<c>LockDuration</c> of the queues): only compared with what the host fetches ahead. 5 s to 5 minutes, default
    /// a minute, as in infra/servicebus.json.
    /// </summary>
    [Range(typeof(TimeSpan), "00:00:05", "00:05:00")]
    public TimeSpan LockDuration { get; set; } = TimeSpan.FromMinutes(1);

    /// <summary>What jobs belong to when no key says otherwise. Default "default".</summary>
    [Required, RegularExpression("^[A-Za-z0-9_-]{1,64}$")]
    public string Tenant { get; set; } = "default";
}
