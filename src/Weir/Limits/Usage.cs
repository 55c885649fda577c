namespace Weir.Limits;

/// <summary>
/// What a tenant has submitted: in this minute and in the one before, and today, by UTC. A minute's use slides: of the one before counts the part that is not yet a minute ago.
/// </summary>
internal readonly record struct Usage(long Minute, long Submissions, long SubmissionsBefore, long Day, long Bytes)
{
    /// <summary>The same at a later time: what is over counts no more.</summary>
    public Usage At(DateTimeOffset now)
    {
        var (minute, day) = (now.UtcTicks / TimeSpan.TicksPerMinute, now.UtcTicks / TimeSpan.TicksPerDay);
        var turned = this;
        if (minute > Minute)
            turned = turned with { Minute = minute, Submissions = 0, SubmissionsBefore = minute == Minute + 1 ? Submissions : 0 };
        return day > Day ? turned with { Day = day, Bytes = 0 } : turned;
    }

    /// <summary>With what was submitted beside it, at the same time or earlier.</summary>
    public Usage With(Usage other)
    {
        var (minute, day) = (Math.Max(Minute, other.Minute), Math.Max(Day, other.Day));
        return new Usage(
            minute,
            In(minute) + other.In(minute),
            In(minute - 1) + other.In(minute - 1),
            day,
            (Day == day ? Bytes : 0) + (other.Day == day ? other.Bytes : 0));
    }

    /// <summary>Without what has been given to others.</summary>
    public Usage Less(Usage given) => this with
    {
        Submissions = Submissions - given.In(Minute),
        SubmissionsBefore = SubmissionsBefore - given.In(Minute - 1),
        Bytes = Bytes - (given.Day == Day ? given.Bytes : 0),
    };

    /// <summary>The submissions of the last minute.</summary>
    public long SubmissionsAt(DateTimeOffset now)
    {
        var turned = At(now);
        return turned.Submissions + (long)Math.Ceiling(turned.SubmissionsBefore * (1 - Passed(now)));
    }

    /// <summary>How long until one more is within a quota of so many a minute.</summary>
    public TimeSpan UntilRoom(long quota, DateTimeOffset now)
    {
        var turned = At(now);
        var untilTurn = TimeSpan.FromMinutes(1 - Passed(now));
        // Within this minute, as the one before recedes; else in the next one, as this one does.
        if (turned.Submissions < quota)
            return TimeSpan.FromMinutes(Math.Max(0, 1 - (quota - 1 - turned.Submissions) / (double)Math.Max(1, turned.SubmissionsBefore) - Passed(now)));
        return untilTurn + TimeSpan.FromMinutes(Math.Max(0, 1 - (quota - 1) / (double)turned.Submissions));
    }

    private long In(long minute) => minute == Minute ? Submissions : minute == Minute - 1 ? SubmissionsBefore : 0;

    private static double Passed(DateTimeOffset now) => now.UtcTicks % TimeSpan.TicksPerMinute / (double)TimeSpan.TicksPerMinute;
}
